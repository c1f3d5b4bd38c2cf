# SPDX-License-Identifier: Apache-2.0
"""An untrusted program: it tries ten things, of which one is any of its business.

Each attempt returns what it got, or raises OSError with the reason it was refused. None would do
lasting harm if it succeeded.
"""
import ctypes, json, os, signal, socket, sys

libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    """The result of a system call through libc; raises what went wrong."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def read_home():
    return f'{len(os.listdir(os.environ.get("OWNER_HOME", "/root")))} files'


def read_shadow():
    with open('/etc/shadow', encoding='ascii') as file:
        return f'{len(file.readlines())} accounts'


def plant_program():
    with open('/usr/local/bin/immure-demo', 'w', encoding='ascii') as file:
        return f'{file.write("#!/bin/sh")} octets'


def send_away():
    with socket.create_connection(('1.1.1.1', 80), timeout=10) as peer:
        peer.sendall(b'GET / HTTP/1.0\r\n\r\n')
        head, _, body = peer.recv(4096).partition(b'\r\n\r\n')
    if head.startswith(b'HTTP/1.1 403 ') and b'\nProxy-Status: immure' in head:  # who answers is the gateway
        raise PermissionError(json.loads(body)['policy_explanation'])
    return f'{len(head + body)} octets of answer'


def resolve():
    return socket.getaddrinfo('example.com', 443)[0][4][0]


def mount():
    return call(libc.mount(b'none', b'/mnt', b'tmpfs', 0, None))


def kill_owner():
    """Looks for the script that started us, by its command line."""
    pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
    for pid in pids:
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                if b'examples/demo/run' in file.read():
                    os.kill(pid, signal.SIGTERM)
                    return f'killed {pid}'
        except PermissionError:
            pass
    raise OSError(0, f'Not one of the {len(pids)} processes in sight')


def become_root():
    call(libc.setresuid(0, 0, 0))  # "Invalid argument": in here, there is no such user as root
    return 'uid 0'


def command_docker():
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect('/run/docker.sock')
        return 'connected'


def write_workspace():
    with open('/tmp/workspace/result.txt', 'w', encoding='ascii') as file:
        return f'{file.write("42")} octets'


ATTEMPTS = (
    ('list the home of its owner', read_home),
    ('read /etc/shadow', read_shadow),
    ('plant a program in /usr', plant_program),
    ('send data to 1.1.1.1', send_away),
    ('resolve example.com', resolve),
    ('mount a file system', mount),
    ('kill whoever started it', kill_owner),
    ('become root', become_root),
    ('command Docker', command_docker),
    ('write to /tmp/workspace', write_workspace),
)


def main():
    allowed = []
    for what, attempt in ATTEMPTS:
        try:
            print(f'✓ {what:28} {attempt()}', flush=True)
            allowed.append(attempt)
        except OSError as error:
            print(f'✗ {what:28} {error.strerror or error}', flush=True)
    print(f'\n{len(ATTEMPTS) - len(allowed)} refused, {len(allowed)} allowed')
    return 0 if allowed == [write_workspace] else 1


sys.exit(main())

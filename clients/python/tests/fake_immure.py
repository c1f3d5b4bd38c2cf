#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Test-only: speaks immure's protocol and part of its command line, WITHOUT ANY ISOLATION.

Commands run as plain children of this process. Paths inside are below a temporary folder; since
commands see the host's paths, mount points in commands and file contents are rewritten to it.
Methods that begin with fake_ misbehave on purpose, for the tests of the client.
"""
import base64
import contextlib
import json
import os
import pty
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import fcntl

EXEC_OCTETS_MAX = 16 * 1024 * 1024
HOME = os.environ.get('IMMURE_HOME') or os.path.expanduser('~/.immure')


class Failure(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def b64(data):
    return base64.b64encode(data).decode()


class Exec:
    """One command: its process and what may be done to it."""

    def __init__(self, server, params):
        command = params.get('command')
        if not command or not isinstance(command, (str, list)):
            raise Failure(-32602, 'command: a string or an array of strings is needed')
        words = ['/bin/sh', '-c', command] if isinstance(command, str) else command
        words = [server.rewrite(word) for word in words]
        folder = server.path(params.get('working_dir') or '/tmp/workspace')
        env = {**server.env, **(params.get('env') or {})}
        self.cancelled = self.timed_out = False
        self.master = None
        if params.get('tty'):
            self.master, slave = pty.openpty()
            self.resize(params.get('rows', 24), params.get('columns', 80))
            pipes = {'stdin': slave, 'stdout': slave, 'stderr': slave}
        else:
            wants = 'stdin' in params or params.get('stdin_open')
            pipes = {'stdin': subprocess.PIPE if wants else subprocess.DEVNULL,
                     'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
        tty = self.master is not None
        try:
            self.process = subprocess.Popen(
                words, cwd=folder, env=env, bufsize=0, start_new_session=True,
                preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if tty else None, **pipes)
            self.failed = None
        except OSError as error:
            self.process = None
            self.failed = 127 if isinstance(error, FileNotFoundError) else 126
            self.why = f'{words[0]}: {error.strerror}\n'.encode()
        finally:
            if tty:
                os.close(slave)
        self.input = self.master if tty else self.process and self.process.stdin
        if 'stdin' in params and self.process:
            self.feed_and_close(base64.b64decode(params['stdin']))

    def feed_and_close(self, data):
        def feed():
            try:
                self.write(data)
            except OSError:
                pass
            self.end_input()
        threading.Thread(target=feed, daemon=True).start()

    def write(self, data):
        while data:
            descriptor = self.input if isinstance(self.input, int) else self.input.fileno()
            data = data[os.write(descriptor, data):]

    def end_input(self):
        if isinstance(self.input, int):
            os.write(self.input, b'\x04')
        else:
            self.input.close()

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, AttributeError):
            pass

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def run(self, timeout, output):
        """Pass output on as (name, octets) until the end. Return: the final answer."""
        started = time.monotonic()
        if self.failed:
            output('stderr', self.why)
            return {'exit_code': self.failed, 'duration_ms': 0}
        if self.master is not None:
            names = {self.master: 'stdout'}
        else:
            names = {self.process.stdout.fileno(): 'stdout', self.process.stderr.fileno(): 'stderr'}
        while names:
            left = None if not timeout else max(0, started + timeout - time.monotonic())
            ready = select.select(list(names), [], [], left)[0]
            if not ready:
                self.timed_out = True
                self.signal(signal.SIGKILL)
                timeout = None
            for descriptor in ready:
                try:
                    data = os.read(descriptor, 65536)
                except OSError:
                    data = b''
                if not data:
                    del names[descriptor]
                else:
                    output(names[descriptor], data)
        status = self.process.wait()
        self.close()
        answer = {'exit_code': status, 'duration_ms': int((time.monotonic() - started) * 1000)}
        if status < 0:
            answer.update(exit_code=128 - status, signal=-status)
        if self.timed_out:
            answer.update(exit_code=124, timed_out=True)
        return answer

    def close(self):
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        if self.master is not None:
            os.close(self.master)


class Peer:
    """One connection."""

    def __init__(self, server, source, sink):
        self.server, self.source, self.sink = server, source, sink
        self.lock = threading.Lock()
        self.execs = {}
        server.peers.append(self)

    def send(self, message):
        line = json.dumps({'jsonrpc': '2.0', **message}).encode() + b'\n'
        with self.lock:
            try:
                self.sink.write(line)
                self.sink.flush()
            except (OSError, ValueError):
                pass

    def serve(self):
        for line in self.source:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                self.send({'error': {'code': -32700, 'message': 'not JSON'}, 'id': None})
                continue
            if isinstance(message, dict) and message.get('jsonrpc') == '2.0':
                self.handle(message)
            else:
                self.send({'error': {'code': -32600, 'message': 'no request'}, 'id': None})
        for command in list(self.execs.values()):
            command.signal(signal.SIGKILL)

    def handle(self, message):
        number, params = message.get('id'), message.get('params', {})

        def answer(**fields):
            if 'id' in message:
                self.send({**fields, 'id': number})
        try:
            if not isinstance(message.get('method'), str) or not isinstance(params, (dict, list)):
                raise Failure(-32600, 'no request')
            method = getattr(self, 'do_' + message['method'], None)
            if method is None:
                raise Failure(-32601, f'no method {message.get("method")}')
            if message['method'] != 'create' and self.server.root is None:
                raise Failure(-32001, 'no sandbox yet')
            result = method(params, number)
            if result is not NotImplemented:
                answer(result=result)
        except Failure as failure:
            answer(error={'code': failure.code, 'message': str(failure)})
        except OSError as error:
            answer(error={'code': -32000, 'message': f'{params.get("path")}: {error.strerror}'})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            answer(error={'code': -32602, 'message': f'params: {error!r}'})

    def do_create(self, params, number):
        return self.server.create(params)

    def do_exec(self, params, number, stream=False):
        command = self.execs[number] = Exec(self.server, params)
        kept = {'stdout': bytearray(), 'stderr': bytearray()}
        truncated = []

        def collect(name, data):
            room = EXEC_OCTETS_MAX - len(kept[name])
            kept[name] += data[:room]
            if len(data) > room:
                truncated.append(name)

        def pass_on(name, data):
            self.send({'result': {name: b64(data)}, 'id': number})

        def work():
            final = command.run(params.get('timeout_seconds'), pass_on if stream else collect)
            self.execs.pop(number, None)
            if command.cancelled:
                self.send({'error': {'code': -32005, 'message': 'cancelled'}, 'id': number})
                return
            if not stream:
                final.update({name: b64(bytes(data)) for name, data in kept.items()})
                if truncated:
                    final['truncated'] = True
            self.send({'result': final, 'id': number})
            self.server.event({'type': 'exec', 'exec': {'exit_code': final['exit_code']}})
        threading.Thread(target=work, daemon=True).start()
        return NotImplemented

    def do_exec_stream(self, params, number):
        return self.do_exec(params, number, stream=True)

    def find(self, params):
        command = self.execs.get(params.get('exec'))
        if command is None:
            raise Failure(-32000, f'no exec {params.get("exec")} under way')
        return command

    def do_stdin(self, params, number):
        command = self.find(params)
        if not command.input:
            raise Failure(-32602, 'stdin is not open')

        def work():
            try:
                command.write(base64.b64decode(params.get('data', '')))
                if params.get('eof'):
                    command.end_input()
                self.send({'result': {}, 'id': number})
            except (OSError, ValueError):
                self.send({'error': {'code': -32000, 'message': 'stdin is closed'}, 'id': number})
        threading.Thread(target=work, daemon=True).start()
        return NotImplemented

    def do_kill(self, params, number):
        name = params.get('signal', 'KILL')
        try:
            value = name if isinstance(name, int) else signal.Signals['SIG' + name]
        except KeyError:
            raise Failure(-32602, f'signal: no signal {name}') from None
        if 'exec' in params:
            self.find(params).signal(value)
        else:
            self.send({'result': {}, 'id': number})
            self.server.end('stopped')
        return {}

    def do_resize(self, params, number):
        self.find(params).resize(params['rows'], params['columns'])
        return {}

    def do_cancel(self, params, number):
        command = self.execs.get(params.get('exec'))
        if command:
            command.cancelled = True
            command.signal(signal.SIGKILL)
        return {}

    def do_stats(self, params, number):
        return {'execs': len(self.execs)}

    def do_write_file(self, params, number):
        content = base64.b64decode(params['content'])
        try:
            content = self.server.rewrite(content.decode()).encode()
        except UnicodeDecodeError:
            pass
        with open(self.server.path(params['path']), 'wb') as file:
            file.write(content)
            os.fchmod(file.fileno(), params.get('mode', 0o644))
        self.server.event({'type': 'file', 'file': {
            'op': 'write', 'path': params['path'], 'size': len(content)}})
        return {}

    def do_read_file(self, params, number):
        with open(self.server.path(params['path']), 'rb') as file:
            file.seek(params.get('offset', 0))
            return {'content': b64(file.read(params.get('length', -1)))}

    def do_list_files(self, params, number):
        return {'files': [
            {'name': entry.name, 'size': entry.stat().st_size,
             'mode': entry.stat().st_mode & 0o7777, 'is_dir': entry.is_dir()}
            for entry in os.scandir(self.server.path(params['path']))]}

    def do_close(self, params, number):
        self.send({'result': {}, 'id': number})
        self.server.end('stopped')

    def do_fake_die(self, params, number):
        sys.stderr.write(params.get('stderr', ''))
        sys.stderr.flush()
        self.server.status('crashed')
        if 'signal' in params:
            os.kill(os.getpid(), params['signal'])
        os._exit(params.get('code', 1))

    def do_fake_close_stdout(self, params, number):
        os.close(self.sink.fileno())
        time.sleep(60)

    def do_fake_close_stdin(self, params, number):
        os.close(0)
        time.sleep(60)

    def do_fake_orphan(self, params, number):
        """Die while another process holds the pipes open."""
        subprocess.Popen(['sleep', str(params['seconds'])], stdout=self.sink)
        os._exit(3)

    def do_fake_raw(self, params, number):
        """Answer with any octets."""
        with self.lock:
            self.sink.write(base64.b64decode(params['data']))
            self.sink.flush()
        return NotImplemented

    def do_fake_hang(self, params, number):
        return NotImplemented

    def do_fake_stop_reading(self, params, number):
        time.sleep(params['seconds'])
        return {}

    def do_fake_events(self, params, number):
        for count in range(params['count']):
            self.send({'method': 'event', 'params': {'type': 'network', 'number': count}})
        return {}


class Server:
    """One sandbox."""

    def __init__(self):
        self.root = None
        self.peers = []
        self.env = {}
        self.folder = None
        self.mounts = ['/tmp/workspace']

    def create(self, params):
        if self.root:
            raise Failure(-32000, 'created already')
        known = {'image', 'resources', 'network', 'vfs', 'env', 'working_dir', 'user', 'command'}
        for key in params:
            if key not in known:
                raise Failure(-32602, f'{key}: no such setting')
        if params.get('image') == 'fake-broken':
            raise Failure(-32000, 'image fake-broken: not found')
        self.root = tempfile.mkdtemp(prefix='fake-immure-')
        self.mounts += (params.get('vfs') or {}).get('mounts') or {}
        for mount in self.mounts:
            os.makedirs(self.root + mount, exist_ok=True)
        self.env = {'PATH': os.environ['PATH'], 'HOME': '/tmp', **(params.get('env') or {})}
        self.id = 'vm-' + secrets.token_hex(4)
        self.folder = os.path.join(HOME, 'vms', self.id)
        os.makedirs(self.folder, 0o700)
        self.put('pid', str(os.getpid()))
        self.put('config.json', json.dumps(params))
        self.put('created_at', str(int(time.time())))
        self.status('running')
        threading.Timer(0.02, self.listen).start()  # as immure does: clients wait for it
        return {'id': self.id, 'env': params.get('env') or {}}

    def put(self, name, text):
        with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def status(self, text):
        if self.folder:
            self.put('status', text)

    def listen(self):
        listener = socket.socket(socket.AF_UNIX)
        folder = os.open(self.folder, os.O_PATH)  # socket addresses are short
        listener.bind(f'/proc/self/fd/{folder}/socket')
        os.close(folder)
        listener.listen()

        def accept():
            while True:
                one = listener.accept()[0]
                peer = Peer(self, one.makefile('rb'), one.makefile('wb'))
                threading.Thread(target=peer.serve, daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()

    def path(self, path):
        if not path.startswith('/'):
            raise Failure(-32602, f'path: not absolute: {path}')
        return self.root + path

    def rewrite(self, text):
        for mount in self.mounts:
            text = text.replace(mount, self.root + mount)
        return text

    def event(self, event):
        for peer in self.peers:
            peer.send({'method': 'event', 'params': {**event, 'timestamp': int(time.time())}})

    def end(self, status):
        for peer in self.peers:
            for command in list(peer.execs.values()):
                command.signal(signal.SIGKILL)
        if self.root:
            shutil.rmtree(self.root, ignore_errors=True)
            self.status(status)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, 'socket'))
            os.unlink(os.path.join(self.folder, 'pid'))
        os._exit(0)


def rpc():
    server = Server()
    signal.signal(signal.SIGTERM, lambda *_: server.end('stopped'))
    peer = Peer(server, os.fdopen(0, 'rb'), os.fdopen(os.dup(1), 'wb'))
    os.dup2(2, 1)
    peer.serve()
    server.end('stopped')


def entry(vm_id):
    folder = os.path.join(HOME, 'vms', vm_id)

    def get(name, default=''):
        try:
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                return file.read()
        except FileNotFoundError:
            return default
    if not os.path.isdir(folder):
        sys.exit(f'immure: no sandbox {vm_id}')
    config = json.loads(get('config.json', '{}'))
    created = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(int(get('created_at', '0'))))
    return {'id': vm_id, 'status': get('status'), 'image': config.get('image', 'standard'),
            'created_at': created, 'pid': int(get('pid', '0')) or None, 'command': '',
            'config': config}


def main():
    words = sys.argv[1:]
    if words[:1] == ['--rpc']:
        return rpc()
    os.makedirs(os.path.join(HOME, 'vms'), exist_ok=True)
    if words == ['list', '--json']:
        print(json.dumps([{k: v for k, v in entry(vm).items() if k != 'config'}
                          for vm in sorted(os.listdir(os.path.join(HOME, 'vms')))]))
    elif words[0] == 'get':
        print(json.dumps(entry(words[1])))
    elif words[0] == 'kill':
        os.kill(entry(words[1])['pid'] or sys.exit(f'immure: {words[1]} does not run'),
                signal.SIGTERM)
    elif words[0] == 'rm':
        if entry(words[1])['status'] == 'running':
            sys.exit(f'immure: {words[1]} is running')
        shutil.rmtree(os.path.join(HOME, 'vms', words[1]))
    elif words[0] == 'prune':
        for vm in os.listdir(os.path.join(HOME, 'vms')):
            if entry(vm)['status'] != 'running':
                shutil.rmtree(os.path.join(HOME, 'vms', vm))
    else:
        sys.exit(f'fake immure: not implemented: {words}')


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: Apache-2.0
"""The origin, and what can stand between it and the load: each starts, says how it is reached and is stopped.

All listen on loopback, have one worker and write no log. What is reached as a proxy is asked by CONNECT.
"""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from measure import BenchError, parents  # noqa: E402

NEW_NAMES = 150  # of each kind: more than all rounds ask for
NAME, ZONE, RAW = 'api.bench.test', 'bench.test', 'raw.bench.test'
CACHE = pathlib.Path('/var/cache' if os.getuid() == 0 else os.environ.get('XDG_CACHE_HOME')
                     or os.path.expanduser('~/.cache'), 'immure-tests/bench')
# Runs a line of words after the other; what it prints ends with a line of its own.
LOOP = 'while read -r line; do eval "$line"; echo "--done $?"; done'
SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


def sh(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False, **more)
    if done.returncode != 0:
        said = (done.stderr or b'').decode('utf-8', 'replace').strip().splitlines()
        raise BenchError(f'{words[0]}: {said[-1] if said else "exit status"} ({done.returncode})')
    return done.stdout


def hard_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def raise_limits():
    """Of descriptors: 10,000 connections take 20,000 of them."""
    for wanted in (100_000, hard_limit()):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        except (ValueError, OSError):
            pass  # an ordinary user, or a root without CAP_SYS_RESOURCE


def which(program):
    return shutil.which(program, path=SYSTEM_PATH)


def free_port():
    """One that is free now, below those the kernel hands out by itself."""
    for port in range(21000 + os.getpid() % 4000, 32000):
        with socket.socket() as one:
            try:
                one.bind(('127.0.0.1', port))
            except OSError:
                continue
            if port not in free_port.given:
                free_port.given.add(port)
                return port
    raise BenchError('no free port')


free_port.given = set()


def children_of(pid):
    """@pid and all below it"""
    table, found = parents(), [pid]
    for one in found:
        found += [child for child, (parent, _) in table.items() if parent == one]
    return found


def word_of(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/comm').read_text('utf-8').strip()
    except OSError:
        return ''


class Shell:
    """A shell that runs load, one command after the other: on the host, or in a sandbox."""

    def __init__(self, words, **more):
        self.process = subprocess.Popen([*map(str, words), 'sh', '-c', LOOP], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=1, **more)

    def send(self, line):
        try:
            self.process.stdin.write(line + '\n')
        except OSError as error:
            raise BenchError(f'its shell is gone: {error}') from error

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise BenchError(f'its shell ended with {self.process.wait()}')
        return line.rstrip('\n')

    def run(self, line):
        """Return: the lines it printed."""
        self.send(line)
        return self.rest()

    def rest(self):
        said = []
        while True:
            one = self.line()
            if one.startswith('--done '):
                if one != '--done 0':
                    raise BenchError((said or ['no reason'])[-1])
                return said
            said.append(one)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Place:
    """What all middles share: a folder, a CA, an origin."""

    def __init__(self, work, load):
        self.work, self.load = work, load
        self.started = []
        self._certificates()
        (work / 'hosts').write_text(f'127.0.0.1 localhost {NAME} {RAW}\n' + ''.join(
            f'127.0.0.1 n{i}.{ZONE}\n' for i in range(NEW_NAMES)))
        self.origin = self._origin()
        self.raw = self._raw()

    def _certificates(self):
        work = self.work
        ec = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')
        sh('openssl', 'req', '-x509', *ec, '-subj', '/CN=bench root', '-days', '9', '-keyout', work / 'root.key',
           '-out', work / 'root.crt')
        (work / 'root.pem').write_bytes((work / 'root.key').read_bytes() + (work / 'root.crt').read_bytes())
        request = sh('openssl', 'req', '-new', *ec, '-subj', '/CN=x', '-keyout', work / 'leaf.key')
        (work / 'ext').write_text(f'subjectAltName=DNS:{NAME},DNS:*.{ZONE}\n')
        leaf = sh('openssl', 'x509', '-req', '-CA', work / 'root.crt', '-CAkey', work / 'root.key', '-days', '9',
                  '-CAcreateserial', '-extfile', work / 'ext', input=request)
        (work / 'leaf.crt').write_bytes(leaf)
        (work / 'leaf.pem').write_bytes((work / 'leaf.key').read_bytes() + leaf)

    def start(self, words, port, **more):
        """A server that listens on @port once it is up."""
        log = open(self.work / f'log-{port}', 'wb')
        process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, **{'start_new_session': True, **more})
        log.close()
        self.started.append(process)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                return process
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() > end:
                said = (self.work / f'log-{port}').read_text('utf-8', 'replace').strip().splitlines()
                raise BenchError(f'does not start: {(said or ["no reason"])[-1][:200]}')
            time.sleep(0.05)

    def with_hosts(self):
        """Words before a program, for which the names of the origin exist."""
        space = ['unshare', '-m'] if os.getuid() == 0 else ['unshare', '-Urm']
        return [*space, 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', self.work / 'hosts']

    def _origin(self):
        if not which('nginx'):
            raise BenchError('the origin is nginx, which is absent')
        www, port = self.work / 'www', free_port()
        www.mkdir()
        (www / '1k.json').write_text(json.dumps({'text': 'x' * (1024 - len('{"text": ""}'))}))
        (www / '10m').write_bytes(os.urandom(10 << 20))
        self.start(nginx_words(self.work, 'origin', f'''
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {self.work}/leaf.crt;
        ssl_certificate_key {self.work}/leaf.key;
        ssl_protocols TLSv1.3;
        root {www};
    }}'''), port)
        return port

    def _raw(self):
        process = subprocess.Popen([self.load, 'serve'], stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        return int(process.stdout.readline().split()[1])

    def stop(self):
        for process in reversed(self.started):
            stop(process)


def stop(process):
    """The process and its session, if it has one of its own."""
    if process.poll() is None:
        try:
            group = os.getpgid(process.pid)
            if group == process.pid:
                os.killpg(group, signal.SIGTERM)
            else:
                process.terminate()
            process.wait(5)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def nginx_words(work, name, servers):
    folder = work / f'nginx-{name}'
    folder.mkdir()
    user = 'user root;' if os.getuid() == 0 else ''
    (folder / 'conf').write_text(f'''
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {hard_limit()};
error_log {folder}/error crit;
pid {folder}/pid;
events {{ worker_connections 30000; }}
http {{
    access_log off;
    sendfile on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    types {{ application/json json; }}
    ''' + '\n    '.join(f'{kind}_temp_path {folder};' for kind in (
        'client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')) + servers + '\n}\n')
    return [which('nginx'), '-p', folder, '-c', folder / 'conf']


class Middle:
    """Reached from the host. `roots`: whom load must trust; `words`: how load gets there."""

    label, absent, intercepts, raw_words = '', None, True, None

    def __init__(self, place):
        self.place, self.roots = place, place.work / 'root.crt'
        self.process, self.own = None, []
        self.words = []
        self.shell = None
        self.setup()
        self.shell = self.shell or Shell([])

    def setup(self):
        raise NotImplementedError

    def pids(self):
        """Of all that is between: what costs it processor time."""
        return children_of(self.process.pid) if self.process else []

    def gateway(self):
        """The one process whose memory counts as that of the gateway."""
        return self.pids()

    def command(self, *words):
        head = [self.place.load, *self.words, '-c', self.roots]
        return ' '.join(map(str, [*head, self.port(), NAME, *words]))

    def raw_command(self, *words):
        return ' '.join(map(str, [self.place.load, *self.raw_words, *words]))

    def port(self):
        return self.place.origin

    def names(self, count):
        """So many names that it has not seen."""
        self.given = getattr(self, 'given', 0) + count
        return [f'n{i}.{ZONE}' for i in range(self.given - count, self.given)]

    def close(self):
        if self.shell:
            self.shell.close()
        if self.process:
            stop(self.process)


class Direct(Middle):
    label, intercepts = 'direct', False

    def setup(self):
        self.words = ['-a', '127.0.0.1']
        self.raw_words = ['-a', '127.0.0.1', self.place.raw, RAW]


class Haproxy(Middle):
    label = 'haproxy'

    def setup(self):
        if not which('haproxy'):
            raise BenchError('absent')
        place, self.at, raw = self.place, free_port(), free_port()
        config = place.work / 'haproxy.cfg'
        config.write_text(f'''
global
    nbthread 1
    maxconn {min(30000, (hard_limit() - 1000) // 3)}
    ssl-server-verify required
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend in
    bind 127.0.0.1:{self.at} ssl crt {place.work}/leaf.pem alpn http/1.1
    default_backend out
backend out
    server origin 127.0.0.1:{place.origin} ssl verify required ca-file {place.work}/root.crt sni ssl_fc_sni
listen raw
    mode tcp
    option splice-auto
    bind 127.0.0.1:{raw}
    server raw 127.0.0.1:{place.raw}
''')
        self.process = place.start([which('haproxy'), '-db', '-f', config], self.at)
        self.words = ['-a', '127.0.0.1']
        self.raw_words = ['-a', '127.0.0.1', raw, RAW]

    def port(self):
        return self.at


class Nginx(Middle):
    label = 'nginx'

    def setup(self):
        place, self.at = self.place, free_port()
        self.process = place.start(nginx_words(place.work, 'proxy', f'''
    upstream origin {{ server 127.0.0.1:{place.origin}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{self.at} ssl backlog=4096;
        ssl_certificate {place.work}/leaf.crt;
        ssl_certificate_key {place.work}/leaf.key;
        ssl_protocols TLSv1.3;
        location / {{
            proxy_pass https://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_ssl_server_name on;
            proxy_ssl_name $host;
            proxy_ssl_protocols TLSv1.3;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate {place.work}/root.crt;
            proxy_max_temp_file_size 0;
        }}
    }}'''), self.at)
        self.words = ['-a', '127.0.0.1']

    def port(self):
        return self.at


class Squid(Middle):
    label = 'squid'

    def setup(self):
        squid, helper = which('squid'), '/usr/lib/squid/security_file_certgen'
        if not squid or not os.path.exists(helper):
            raise BenchError('squid with ssl-bump is absent')
        place, self.at = self.place, free_port()
        work = place.work / 'squid'
        work.mkdir()
        sh(helper, '-c', '-s', work / 'certs', '-M', '4MB')
        as_root = os.getuid() == 0
        (work / 'conf').write_text(f'''
http_port 127.0.0.1:{self.at} ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=16MB tls-cert={place.work}/root.pem
sslcrtd_program {helper} -s {work}/certs -M 4MB
sslcrtd_children 4 startup=1 idle=1
tls_outgoing_options cafile={place.work}/root.crt
acl start at_step SslBump1
ssl_bump peek start
ssl_bump bump all
http_access allow all
hosts_file {place.work}/hosts
cache deny all
cache_mem 0 MB
access_log none
cache_log {work}/log
cache_store_log none
pid_filename {work}/pid
coredump_dir {work}
max_filedescriptors {hard_limit()}
shutdown_lifetime 0 seconds
client_persistent_connections on
pinger_enable off
''' + ('cache_effective_user proxy\n' if as_root else ''))
        if as_root:
            sh('chown', '-R', 'proxy:proxy', work)
        self.process = place.start([squid, '-N', '-f', work / 'conf'], self.at)
        self.words = ['-x', f'http://127.0.0.1:{self.at}']


class Mitmproxy(Middle):
    label = 'mitmproxy'

    def setup(self):
        program = CACHE / 'mitmproxy/bin/mitmdump'
        if not program.exists():
            raise BenchError('absent: bench/gateway/setup installs it')
        place, self.at = self.place, free_port()
        folder = place.work / 'mitmproxy'
        folder.mkdir()
        self.process = place.start(
            [*place.with_hosts(), program, '-q', '--listen-host', '127.0.0.1', '-p', self.at, '--set',
             f'confdir={folder}', '--set', f'ssl_verify_upstream_trusted_ca={place.work}/root.crt', '--set',
             'stream_large_bodies=1m', '--set', 'flow_detail=0', '--set', 'http2=false'], self.at,
            env={**os.environ, 'HOME': str(folder)})
        self.roots = folder / 'mitmproxy-ca-cert.pem'
        self.words = ['-x', f'http://127.0.0.1:{self.at}']


class SandboxRuntime(Middle):
    label = 'sandbox-runtime'

    def setup(self):
        program = CACHE / 'sandbox-runtime/node_modules/.bin/srt'
        missing = [word for word in ('node', 'bwrap', 'socat', 'rg') if not which(word)]
        if not program.exists() or missing:
            raise BenchError('absent: bench/gateway/setup installs it' if not program.exists() else
                             f'it needs {", ".join(missing)}')
        place, work = self.place, self.place.work / 'srt'
        work.mkdir()
        (work / 'settings.json').write_text(json.dumps({
            'network': {'allowedDomains': [f'*.{ZONE}', f'127.0.0.1:{place.origin}'], 'deniedDomains': [],
                        'tlsTerminate': {'extraCaCertPaths': [str(place.work / 'root.crt')], 'maxTunnels': 20000}},
            'filesystem': {'denyRead': [], 'allowWrite': [str(work)], 'denyWrite': []}}))
        self.shell = Shell([*place.with_hosts(), program, '--settings', work / 'settings.json'], cwd=work,
                           env={'PATH': SYSTEM_PATH, 'HOME': str(work),
                                'NODE_EXTRA_CA_CERTS': str(place.work / 'root.crt')})
        self.process = None
        self.words = ['-x', 'env']
        self.shell.run('true')

    def pids(self):
        return [pid for pid in children_of(self.shell.process.pid)
                if word_of(pid) not in ('load', 'bwrap', 'sh', 'bash', 'unshare', 'apply-seccomp')]


class Immure(Middle):
    label = 'immure'

    def __init__(self, place, binary, options=()):
        self.binary, self.options = os.path.abspath(binary), options
        super().__init__(place)

    def setup(self):
        place = self.place
        self.home = place.work / f'immure-{time.monotonic_ns()}'
        self.home.mkdir()
        told = sh(self.binary, 'run', '--help').decode()
        trusted = ['--upstream-ca', place.work / 'root.crt'] if '--upstream-ca' in told else []
        hosts = [word for name in [NAME, *(f'n{i}.{ZONE}' for i in range(NEW_NAMES))]
                 for word in ('--allow-host', name, '--add-host', f'{name}:127.0.0.1')]
        hosts += ['--allow-host', f'{RAW}:{place.raw}', '--add-host', f'{RAW}:127.0.0.1']
        self.shell = Shell([self.binary, 'run', *hosts, '--allow-private', '127.0.0.1', *trusted, *self.options,
                            '-v', f'{place.load.parent}:/mnt/bench:ro', '-v', f'{place.work}/root.crt:/mnt/root.crt:ro',
                            '--'], env={**os.environ, 'IMMURE_HOME': str(self.home)})
        self.raw_words = [place.raw, RAW]
        self.roots = '/mnt/root.crt'
        self.shell.run('true')
        who = self.shell.run(self.command('issuer'))[-1]
        self.intercepts = who != 'bench root'

    def command(self, *words):
        return super().command(*words).replace(str(self.place.load), '/mnt/bench/load')

    def raw_command(self, *words):
        return super().raw_command(*words).replace(str(self.place.load), '/mnt/bench/load')

    def pids(self):
        """Warden, gateway and authority; not init and the programs."""
        warden = self.shell.process.pid
        return [warden] + [pid for pid in children_of(warden) if pid != warden and re.search(
            b'gateway|authority', pathlib.Path(f'/proc/{pid}/cmdline').read_bytes())
            and b'/mnt/bench' not in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()]

    def gateway(self):
        return [pid for pid in self.pids() if b'gateway' in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()]


KINDS = (Direct, Haproxy, Nginx, Squid, Mitmproxy, SandboxRuntime)

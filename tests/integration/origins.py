# SPDX-License-Identifier: Apache-2.0
"""Servers that stand in for the internet, on the host's loopback: nginx with TLS (HTTP/1.1 and 2) before
a server of our own that does what static files cannot; certificates that are no good; sshd; PostgreSQL.

`with Origin(folder) as origin` starts nginx in @folder; it and all others end with the block.
"""
import atexit
import base64
import hashlib
import http.server
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from servers import blocks

NAME = 'origin.test'
BAD = ('expired.test', 'self.test', 'wrong.test')  # names whose certificates are that
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin'
MIB = 1 << 20
EVENTS, EVENT_S = 3, 0.3
TURNS = 20
FRAME_MAX = 65536


def which(program):
    return shutil.which(program, path=PATH)


def sh(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False,
                          **{'env': {'PATH': PATH, 'HOME': '/nonexistent'}, **more})
    if done.returncode != 0:
        raise AssertionError(f'{words}: {done.stderr[-2000:].decode("utf-8", "replace")}')
    return done.stdout


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as one:
        return one.getsockname()[1]


class Backend(http.server.BaseHTTPRequestHandler):
    """Speaks plain HTTP/1.1 behind nginx. server.git: the folder of repositories."""

    protocol_version = 'HTTP/1.1'
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def do_GET(self):
        kind, _, rest = self.path[1:].partition('/')
        getattr(self, f'on_{kind.partition("?")[0]}', self.nothing)(rest)

    do_HEAD = do_POST = do_PUT = do_GET

    def nothing(self, _):
        self.answer(404, b'no such thing\n')

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', len(body))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        """Octets of the request, as they come."""
        if self.headers.get('Transfer-Encoding', '') == 'chunked':
            while True:
                length = int(self.rfile.readline(), 16)
                data = self.rfile.read(length)
                self.rfile.readline()
                if not length:
                    return
                yield data
        left = int(self.headers.get('Content-Length', 0))
        while left:
            data = self.rfile.read(min(left, MIB))
            left -= len(data)
            yield data

    def on_data(self, count):
        """So many MiB."""
        self.send_response(200)
        self.send_header('Content-Length', int(count) * MIB)
        self.end_headers()
        if self.command != 'HEAD':
            for block in blocks('down', int(count)):
                self.wfile.write(block)

    def on_digest(self, _):
        """What arrived: its length and digest."""
        judge, length = hashlib.sha256(), 0
        for data in self.body():
            judge.update(data)
            length += len(data)
        self.answer(200, f'{length} {judge.hexdigest()}\n'.encode())

    def chunks(self, kind):
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))
        self.wfile.flush()

    def on_events(self, _):
        self.chunks('text/event-stream')
        for number in range(EVENTS):
            time.sleep(EVENT_S if number else 0)
            self.chunk(b'data: event %d\n\n' % number)
        self.chunk(b'')

    def on_turns(self, _):
        """An event, and the next when the client has told that it got this one, at /told/."""
        told = self.server.told = threading.Semaphore(0)
        self.chunks('text/event-stream')
        for number in range(TURNS):
            self.chunk(b'data: turn %d\n\n' % number)
            if not told.acquire(timeout=20):
                return
        self.chunk(b'')

    def on_told(self, _):
        self.server.told.release()
        self.answer(200, b'')

    def on_poll(self, seconds):
        """Nothing for so long, then an answer."""
        time.sleep(float(seconds))
        self.answer(200, b'at last\n')

    def on_idle(self, seconds):
        """An event, nothing for so long, another."""
        self.chunks('text/event-stream')
        self.chunk(b'data: before\n\n')
        time.sleep(float(seconds))
        self.chunk(b'data: after\n\n')
        self.chunk(b'')

    def on_v1(self, _):
        """A model, of OpenAI's Chat Completions, that says in a stream what it was told."""
        request = json.loads(b''.join(self.body()))
        self.chunks('text/event-stream')
        for word in request['messages'][-1]['content'].split(' '):
            delta = {'id': 'x', 'object': 'chat.completion.chunk', 'created': 0, 'model': request['model'], 'choices': [
                {'index': 0, 'delta': {'content': f'{word} '}, 'finish_reason': None}]}
            self.chunk(f'data: {json.dumps(delta)}\n\n'.encode())
            time.sleep(0.1)
        self.chunk(b'data: [DONE]\n\n')
        self.chunk(b'')

    def on_short(self, _):
        """Less than was promised."""
        self.send_response(200)
        self.send_header('Content-Length', 2 * MIB)
        self.end_headers()
        self.wfile.write(bytes(MIB))
        self.close_connection = True

    def on_cut(self, _):
        """Chunks without the last one."""
        self.chunks('text/plain')
        self.chunk(bytes(MIB))
        self.close_connection = True

    def on_ws(self, _):
        """WebSocket (RFC 6455): every message comes back."""
        key = self.headers['Sec-WebSocket-Key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
        self.send_response(101)
        self.send_header('Upgrade', 'websocket')
        self.send_header('Connection', 'Upgrade')
        self.send_header('Sec-WebSocket-Accept', base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while True:
            kind, length = self.rfile.read(2)
            length &= 0x7f
            if length == 126:
                length = struct.unpack('>H', self.rfile.read(2))[0]
            mask = self.rfile.read(4)
            data = bytes(octet ^ mask[i % 4] for i, octet in enumerate(self.rfile.read(min(length, FRAME_MAX))))
            head = bytes([kind, length]) if length < 126 else bytes([kind, 126]) + struct.pack('>H', length)
            self.wfile.write(head + data)
            self.wfile.flush()
            if kind & 0x0f == 8:  # close
                return

    def on_git(self, rest):
        """git http-backend, as CGI."""
        path, _, query = rest.partition('?')
        env = {'PATH': PATH, 'HOME': '/nonexistent', 'GIT_PROJECT_ROOT': self.server.git, 'GIT_HTTP_EXPORT_ALL': '1',
               'PATH_INFO': f'/{path}', 'QUERY_STRING': query, 'REQUEST_METHOD': self.command, 'REMOTE_USER': 'test',
               'REMOTE_ADDR': '127.0.0.1', 'CONTENT_TYPE': self.headers.get('Content-Type', ''),
               'HTTP_CONTENT_ENCODING': self.headers.get('Content-Encoding', ''), 'GIT_CONFIG_GLOBAL': '/dev/null',
               'HTTP_GIT_PROTOCOL': self.headers.get('Git-Protocol', ''), 'GIT_CONFIG_COUNT': '1',
               'GIT_CONFIG_KEY_0': 'safe.directory', 'GIT_CONFIG_VALUE_0': '*'}
        data = b''.join(self.body())
        env['CONTENT_LENGTH'] = str(len(data))
        said = sh('git', 'http-backend', input=data, env=env)
        head, _, body = said.partition(b'\r\n\r\n')
        fields = dict(line.split(': ', 1) for line in head.decode().split('\r\n'))
        self.answer(int(fields.pop('Status', '200').split()[0]), body, **fields)


class Certificates:
    """A CA in @folder, and leaves: what is good, and what is not."""

    EC = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / 'ca.crt'
        sh('openssl', 'req', '-x509', *self.EC, '-subj', '/CN=origin root', '-days', '9', '-keyout', folder / 'ca.key',
           '-out', self.ca)
        (folder / 'empty').write_text('')
        (folder / 'serial').write_text('01\n')
        (folder / 'conf').write_text(f'''
[ca]
default_ca = one
[one]
database = {folder}/empty
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
''')
        self.leaf(NAME, NAME)
        self.leaf('wrong.test', 'other.test')
        self.leaf('expired.test', 'expired.test', '-startdate', '20200101000000Z', '-enddate', '20200201000000Z')
        sh('openssl', 'req', '-x509', *self.EC, '-subj', '/CN=self.test', '-addext', 'subjectAltName=DNS:self.test',
           '-days', '9', '-keyout', folder / 'self.test.key', '-out', folder / 'self.test.crt')

    def leaf(self, file, name, *validity):
        sh('openssl', 'req', '-new', *self.EC, '-subj', f'/CN={name}', '-addext', f'subjectAltName=DNS:{name}',
           '-keyout', self.folder / f'{file}.key', '-out', self.folder / f'{file}.csr')
        sh('openssl', 'ca', '-batch', '-notext', '-config', self.folder / 'conf', '-cert', self.ca, '-keyfile',
           self.folder / 'ca.key', '-in', self.folder / f'{file}.csr', '-out', self.folder / f'{file}.crt',
           *(validity or ('-days', '9')))


class Origin:
    """
    NAME, and the BAD names, all on `port`, and on `port_1` without HTTP/2; `files` is what it serves at /, `git` its
    repositories at /git/.
    """

    _made = None  # certificates are the same for all tests of a run

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.files, self.git = self.folder / 'files', self.folder / 'git'
        self._processes = []

    @classmethod
    def certificates(cls):
        if cls._made is None:
            folder = pathlib.Path(tempfile.mkdtemp(prefix='immure-it-ca-'))
            folder.chmod(0o755)
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            cls._made = Certificates(folder)
        return cls._made

    def __enter__(self):
        for path in (self.folder, self.files, self.git, self.folder / 'nginx'):
            path.mkdir(exist_ok=True)
        self._backend = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Backend)
        self._backend.daemon_threads = True
        self._backend.git = str(self.git)
        threading.Thread(target=self._backend.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        self.port, self.port_1 = free_port(), free_port()
        (self.folder / 'nginx/conf').write_text(self._conf())
        self.run([which('nginx'), '-p', self.folder / 'nginx', '-c', self.folder / 'nginx/conf'], self.port)
        return self

    def _conf(self):
        at, certificates = self.folder / 'nginx', self._made.folder
        servers = ''.join(f'''
    server {{
        listen 127.0.0.1:{self.port} ssl http2;
        listen 127.0.0.1:{self.port_1} ssl;
        server_name {name};
        ssl_certificate {certificates}/{name}.crt;
        ssl_certificate_key {certificates}/{name}.key;
        root {self.files};
        index index.html;
        add_header X-Requests $connection_requests;
        location ~ ^/(data|digest|events|turns|told|poll|idle|v1|short|cut|git)/ {{ proxy_pass http://127.0.0.1:{self._backend.server_port}; }}
        location /ws/ {{
            proxy_pass http://127.0.0.1:{self._backend.server_port};
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection Upgrade;
        }}
        location /npm/ {{ try_files $uri $uri.json =404; }}
    }}''' for name in (NAME, *BAD))
        return f'''
{'user root;' if os.getuid() == 0 else ''}
daemon off;
worker_processes 1;
error_log {at}/error crit;
pid {at}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    types {{ text/html html; application/json json; application/octet-stream whl tgz deb; }}
    ''' + ' '.join(f'{kind}_temp_path {at};' for kind in (
            'client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')) + servers + '\n}\n'

    def run(self, words, port, **more):
        """A server that listens on @port; it ends with this origin."""
        log = self.folder / f'log-{port}'
        with open(log, 'wb') as output:
            process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, start_new_session=True,
                                       **{'env': {'PATH': PATH, 'HOME': '/nonexistent'}, **more})
        self._processes.append(process)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f'{words}: {log.read_text("utf-8", "replace")[-2000:]}')

    def __exit__(self, *_):
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)  # nginx, sshd and PostgreSQL end at once
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._backend.shutdown()
        self._backend.server_close()

    # Others, which speak no HTTP

    def ssh(self):
        """Start sshd. Return: its port, the user to log in as, the private key's file."""
        port, keys = free_port(), self.folder / 'ssh'
        keys.mkdir()
        for name in ('host', 'user'):
            sh('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', keys / name)
        (keys / 'conf').write_text(f'''
ListenAddress 127.0.0.1:{port}
HostKey {keys}/host
AuthorizedKeysFile {keys}/user.pub
PidFile none
StrictModes no
UsePAM no
''')
        words = [which('sshd'), '-D', '-e', '-f', keys / 'conf']
        if os.getuid() == 0:  # its folder in /run is made when its service starts, which it does not
            words = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /run && mkdir /run/sshd && exec "$@"', '-', *words]
        self.run(words, port)
        return port, pwd.getpwuid(os.getuid()).pw_name, keys / 'user'

    def postgres(self):
        """Start PostgreSQL. Return: its port."""
        port, data = free_port(), self.folder / 'postgres'
        data.mkdir(mode=0o700)
        drop = []
        if os.getuid() == 0:  # it refuses to be root
            nobody = pwd.getpwnam('nobody')
            shutil.chown(data, nobody.pw_uid, nobody.pw_gid)
            drop = ['setpriv', f'--reuid={nobody.pw_uid}', f'--regid={nobody.pw_gid}', '--clear-groups']
        sh(*drop, 'initdb', '-D', data, '-A', 'trust', '-U', 'test', '--no-sync', '--no-locale', cwd='/')
        for end in ('crt', 'key'):
            made = shutil.copy(self._made.folder / f'{NAME}.{end}', data / f'server.{end}')
            shutil.chown(made, *([nobody.pw_uid, nobody.pw_gid] if drop else [os.getuid()]))
            os.chmod(made, 0o600)
        self.run([*drop, which('postgres'), '-D', data, '-h', '127.0.0.1', '-p', port, '-k', '', '-F', '-l'], port, cwd='/')
        return port

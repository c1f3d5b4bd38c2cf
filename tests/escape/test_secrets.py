# SPDX-License-Identifier: Apache-2.0
"""Rows B1 to B9: a program that has placeholders, and wants the values behind them, or corrupts what is sent."""
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import unittest

import rig
from servers import Secure, Server, make_authority, receive
from support import PYTHON, as_root_and_user, descendants

VALUE = 'sk-live-7b/"q\\9+x'
PLACEHOLDER = r'IMMURE_SECRET_[0-9a-f]{32}'
TALK = '''
import http.client, os, socket, ssl, sys, urllib.parse, base64
KEY, PORT = os.environ.get('KEY', ''), int(sys.argv[1])
def raw(host, octets, pieces=1):
    """The first line of the answer to @octets, sent in @pieces; '' if it was reset."""
    try:
        s = ssl.create_default_context().wrap_socket(socket.create_connection((host, PORT), 10), server_hostname=host)
        step = -(-len(octets) // pieces)
        for at in range(0, len(octets), step):
            s.sendall(octets[at:at + step])
        data = b''
        while b'\\n' not in data:
            more = s.recv(65536)
            if not more: break
            data += more
        return data.split(b'\\r\\n')[0].decode()
    except OSError:
        return ''
def head(host, *fields, line='GET / HTTP/1.1'):
    return '\\r\\n'.join([line, f'Host: {host}:{PORT}', *fields, '', '']).encode()
def chunks(body, size):
    return b''.join(b'%x\\r\\n%s\\r\\n' % (len(body[i:i + size]), body[i:i + size]) for i in range(0, len(body), size)) + b'0\\r\\n\\r\\n'
'''


def echo(head, body):
    found = re.search(rb'\r?\nX-Key: ([^\r\n]*)', head)
    fields = [('Content-Type', 'text/plain')]
    return 200, fields + ([('X-Echo', found.group(1).decode())] if found else []), head + body


@unittest.skipIf(shutil.which('openssl') is None, 'needs openssl')
class Rows(rig.Row):
    def setUp(self):
        super().setUp()
        self.root, self.pem = make_authority(self.make_folder('tls'), 'a.test', 'b.test')
        self.env['KEY'] = VALUE

    def options(self, *more):
        return ('--secret', 'KEY@a.test', '--upstream-ca', str(self.root), '--allow-private', '127.0.0.1', *more,
                *(word for host in ('a.test', 'b.test')
                  for word in ('--allow-host', host, '--add-host', f'{host}:127.0.0.1')))

    def talk(self, server, script, *more):
        done = self.run_in(PYTHON, '-c', TALK + script, str(server.port), options=self.options(*more))
        self.assert_code(done, 0)
        self.assertNotIn(VALUE, done.text + done.errors)
        return done.text

    def all_refused(self, server, script, count):
        """Nothing arrives at the server; what was answered is 403, or a reset."""
        lines = self.talk(server, script).splitlines()
        self.assertEqual(len(lines), count, lines)
        self.assertEqual([line for line in lines if line and ' 403 ' not in line], [])
        self.assertEqual(server.requests, [])
        return lines


@as_root_and_user
class Secrets(Rows):
    def test_B1_another_host(self):
        with Secure(echo, self.pem) as server:
            lines = self.all_refused(server, '''
print(raw('b.test', head('b.test', f'X-Key: {KEY}')))
print(raw('b.test', head('b.test', f'Authorization: Bearer {KEY}')))
print(raw('b.test', head('b.test', line=f'GET /?k={KEY} HTTP/1.1')))
print(raw('b.test', head('b.test', line=f'GET /{KEY} HTTP/1.1')))
print(raw('b.test', head('b.test', 'Content-Length: 46', line='POST / HTTP/1.1') + KEY.encode()))
print(raw('b.test', head('b.test', f'{KEY}: x')))
''', 6)
        self.assertTrue(all(lines), lines)

    def test_B2_encoded(self):
        with Secure(echo, self.pem) as server:
            self.all_refused(server, '''
for text in (KEY, '%49' + KEY[1:], ''.join('%%%02x' % ord(c) for c in KEY), KEY[:45] + '%%%02X' % ord(KEY[45])):
    print(raw('b.test', head('b.test', f'X-Key: {text}')))
    print(raw('b.test', head('b.test', line=f'GET /?k={text} HTTP/1.1')))
    print(raw('b.test', head('b.test', f'Content-Length: {len(text)}', line='POST / HTTP/1.1') + text.encode()))
for text in (f'u:{KEY}', f'{KEY}:p', f'u:xx{KEY}x'):
    print(raw('b.test', head('b.test', 'Authorization: Basic ' + base64.b64encode(text.encode()).decode())))
    print(raw('a.test', head('a.test', 'Authorization: Basic ' + base64.b64encode(text.encode()).decode())))
''', 18)

    def test_B2_split(self):
        with Secure(echo, self.pem) as server:
            self.all_refused(server, '''
body = b'a' * 100 + KEY.encode() + b'b' * 100
for size in (1, 2, 7, 45, 46, 120):
    print(raw('b.test', head('b.test', 'Transfer-Encoding: chunked', line='POST / HTTP/1.1') + chunks(body, size)))
for pieces in (2, 3, 50, 200):
    print(raw('b.test', head('b.test', f'Content-Length: {len(body)}', line='POST / HTTP/1.1') + body, pieces))
''', 10)

    def test_B3_deep_in_a_body(self):
        with Secure(echo, self.pem) as server:
            self.all_refused(server, '''
for before in (65000, 1 << 20, 16 << 20):
    body = os.urandom(1 << 16) * (before >> 16) + b'x' * (before & 65535) + KEY.encode() + b'x' * 9
    print(raw('b.test', head('b.test', f'Content-Length: {len(body)}', line='POST / HTTP/1.1') + body))
''', 3)

    def test_B4_reflected(self):
        """In fields and text, as it is and as it was encoded; talk() looks for it."""
        with Secure(echo, self.pem) as server:
            text = self.talk(server, '''
c = http.client.HTTPSConnection('a.test', PORT)
for extra in ({}, {'Accept-Encoding': 'gzip'}, {'Range': 'bytes=0-3'}):
    c.request('GET', '/', headers={'X-Key': KEY, **extra})
    r = c.getresponse()
    print(r.headers['X-Echo'] == KEY, r.read().decode())
''')
        self.assertEqual(text.count('True'), 3, text)
        self.assertEqual(len(re.findall(PLACEHOLDER, text)), 3)
        for request in server.requests:
            self.assertIn(f'X-Key: {VALUE}'.encode(), request)
            self.assertNotRegex(request, rb'(?i)gzip|range:')

    def test_B4_reflected_elsewhere(self):
        """In the status line, the name of a field, interim responses, chunks and trailers."""
        value = self.env['KEY'] = 'sk-live-7bAx'
        said = ('HTTP/1.1 103 @\r\nLink: </@>\r\n\r\nHTTP/1.1 302 so @ it is\r\nX-@: 1\r\nx-sk-LIVE-7bax-y: 2\r\n'
                'Location: https://c.test/?k=@\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n'
                '7\r\nsk-live\r\n5\r\n-7bAx\r\nc\r\n@\r\n0\r\nX-T: @\r\nX-@: 3\r\n\r\n').replace('@', value)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)

        def handle(connection):
            with context.wrap_socket(connection, server_side=True) as tls:
                asked = receive(tls, b'\r\n\r\n')
                tls.sendall(said.encode())
                receive(tls)
                return asked
        with Server(handle) as server:
            text = self.talk(server, '''
s = ssl.create_default_context().wrap_socket(socket.create_connection(('a.test', PORT), 10), server_hostname='a.test')
s.sendall(head('a.test', f'X-Key: {KEY}', 'TE: trailers'))
data = b''
while b'\\r\\n0\\r\\n' not in data or not data.endswith(b'\\r\\n\\r\\n'): data += s.recv(65536)
print(data.decode())
''')
        self.assertIn(value.encode(), server.results[0])
        self.assertNotIn(value.lower(), text.lower())
        for want in ('</K>', 'so K it is', '/?k=K', 'X-T: K'):
            self.assertIn(want, re.sub(PLACEHOLDER, 'K', text))
        self.assertNotRegex(text, '(?m)^[Xx]-.*: [123]')

    def test_B5_line_breaks_in_a_value(self):
        for value in ('live\r\nX-Other: 1', 'live\nx', 'live\rx', 'liv'):
            self.env['KEY'] = value
            self.assert_refused(self.immure('run', *self.options(), '--', 'true'), 'KEY.env: it ')
        path = self.make_file('key', b'live\0more')
        settings = self.make_file('s.json', '{"network": {"secrets": {"F": {"file": "%s", "hosts": ["a.test"]}}}}' % path)
        self.env['KEY'] = VALUE
        self.assert_refused(self.immure('run', '-c', settings, *self.options(), '--', 'true'), 'F.file: it holds a')

    def test_B6_without_tls(self):
        with Secure(echo) as server:
            self.all_refused(server, '''
for fields, line in (((f'X-Key: {KEY}',), 'GET / HTTP/1.1'), ((), f'GET /?k={KEY} HTTP/1.1'),
                     (('Content-Length: 46',), 'POST / HTTP/1.1')):
    s = socket.create_connection(('a.test', PORT), 10)
    s.sendall(head('a.test', *fields, line=line) + (KEY.encode() if 'POST' in line else b''))
    print(s.recv(99).split(b'\\r\\n')[0].decode())
''', 3)

    def test_B8_nowhere_to_be_read(self):
        """Logs, records, command lines, environments and memory maps of our processes; no core."""
        with Secure(echo, self.pem) as server:
            vm_id = self.start(*self.options())
            done = self.immure('exec', vm_id, PYTHON, '-c', TALK + '''
print(raw('a.test', head('a.test', f'X-Key: {KEY}')), KEY)
for path in ('/proc/1/environ', '/proc/self/environ', '/proc/1/cmdline', '/proc/1/maps'):
    try: print(open(path, 'rb').read())
    except OSError as error: print(error)
''', str(server.port))
            self.assert_code(done, 0)
            self.assertIn(' 200 ', done.text)
            self.assertIn(VALUE.encode(), server.requests[0])
            told = done.text + done.errors + self.immure('get', vm_id).text + self.immure('logs', vm_id).text
            self.assertNotIn('sk-live-7b', told)
            warden = int(pathlib.Path(self.state, 'vms', vm_id, 'pid').read_text().split()[0])
            for pid in [warden, *descendants(warden)]:
                self.assertNotIn(VALUE.encode(), pathlib.Path(f'/proc/{pid}/cmdline').read_bytes())
                if pid != warden:
                    environ = pathlib.Path(f'/proc/{pid}/environ').read_bytes() if os.getuid() == 0 else b''
                    self.assertNotIn(VALUE.encode(), environ)
            self._unreadable_to_its_user(warden)
            for path in pathlib.Path(self.state).rglob('*'):
                if path.is_file():
                    self.assertNotIn(b'sk-live-7b', path.read_bytes(), path)
            self.immure('kill', vm_id)

    def _unreadable_to_its_user(self, pid):
        """A process that is not dumpable belongs to root in /proc, so its user reads neither of these."""
        for name in ('environ', 'mem', 'maps'):
            done = subprocess.run([*self.identity.prefix, 'head', '-c', '1', f'/proc/{pid}/{name}'],
                                  capture_output=True, check=False)
            if self.identity.uid != 0:
                self.assertNotEqual(done.returncode, 0, name)
        self.assertEqual(os.stat(f'/proc/{pid}/environ').st_uid, 0)

    def test_B9_other_bodies(self):
        bodies = {'/gzip': [('Content-Type', 'text/html'), ('Content-Encoding', 'gzip')],
                  '/pack': [('Content-Type', 'application/x-git-upload-pack-result')],
                  '/parts': [('Content-Type', 'multipart/mixed; boundary=x')]}
        body = gzip.compress(VALUE.encode()) + VALUE.encode() * 2 + os.urandom(200000)
        upload = os.urandom(50000) + b'I%49IMMURE_SECRET_%'

        def answer(head, sent):
            if head.startswith(b'POST'):
                return 200, [], hashlib.sha256(sent).hexdigest().encode()
            return 200, bodies[head.split()[1].decode()], body
        path = self.make_file('upload', upload)
        with Secure(answer, self.pem) as server:
            done = self.talk(server, '''
import hashlib
c = http.client.HTTPSConnection('a.test', PORT)
for path in ('/gzip', '/pack', '/parts'):
    c.request('GET', path, headers={'X-Key': KEY})
    print(hashlib.sha256(c.getresponse().read()).hexdigest())
for kind in ('multipart/form-data; boundary=x', 'application/octet-stream'):
    c.request('POST', '/', open('/tmp/upload', 'rb').read(), {'X-Key': KEY, 'Content-Type': kind})
    print(c.getresponse().read().decode())
''', '-v', f'{path}:/tmp/upload:ro')
        self.assertEqual(done.split(), [hashlib.sha256(body).hexdigest()] * 3 + [hashlib.sha256(upload).hexdigest()] * 2)

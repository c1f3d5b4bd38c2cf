# SPDX-License-Identifier: Apache-2.0
"""Rows A5 to A16, A26 to A28: what is said over HTTP/1 and TLS, to a host that is allowed.

A server on loopback keeps every octet that reaches it; what is not allowed has the word `evil` in it.
"""
import json
import os
import ssl
import subprocess

import rig
from servers import Server
from support import PYTHON, as_root_and_user, eventually

LOOPBACK = ('--allow-private', '127.0.0.1')
HEAD = 'Host: lab.test:{port}\r\n'
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

# Each flow of stdin: [tls, sni, text]. What comes back, up to the end or a second of silence.
SPEAK = '''
import json, socket, ssl, sys
answers = []
for tls, sni, text in json.load(sys.stdin):
    data = b''
    try:
        flow = socket.create_connection(('lab.test', int(sys.argv[1])), 5)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = sni == 'lab.test'
            flow = context.wrap_socket(flow, server_hostname=sni)
        flow.settimeout(1)
        flow.sendall(text.encode('latin-1'))
        while True:
            more = flow.recv(65536)
            if not more:
                break
            data += more
            if data.endswith(b'}\\n') or data.endswith(b'hi'):
                flow.settimeout(.1)
        data += b'<end>'
    except TimeoutError:
        data += b'<open>'
    except OSError as error:
        data += f'<{type(error).__name__}>'.encode()
    answers.append(data.decode('latin-1'))
print(json.dumps(answers))
'''

# Many connections that say nothing, or too little, and one that is in order.
CROWD = '''
import socket, sys
port = int(sys.argv[1])
crowd = [socket.create_connection(('lab.test', port), 5) for _ in range(400)]
for i, flow in enumerate(crowd):
    flow.sendall(b'GET /evil HTTP/1.1\\r\\nHost: lab'[:i % 30])
flow = socket.create_connection(('lab.test', port), 5)
flow.sendall(f'GET / HTTP/1.1\\r\\nHost: lab.test:{port}\\r\\n\\r\\n'.encode())
flow.settimeout(5)
print(flow.recv(100).decode().split()[1])
'''


def get(path='/', more='', method='GET', version='1.1'):
    return f'{method} {path} HTTP/{version}\r\n{HEAD}{more}\r\n'


def post(more, body=''):
    return f'POST /evil HTTP/1.1\r\n{HEAD}{more}\r\n{body}'


# Row of the table, what is sent, the status that comes back. None of it may reach the server.
REFUSED = (
    ('A6 Host', 'GET /evil HTTP/1.1\r\nHost: other.test\r\n\r\n', 421),
    ('A6 port of Host', 'GET /evil HTTP/1.1\r\nHost: lab.test:1\r\n\r\n', 421),
    ('A6 target', get('http://other.test/evil'), 421),
    ('A1 Host', 'GET /evil HTTP/1.1\r\nHost: other.test%00.lab.test\r\n\r\n', 400),
    ('A9 both', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400),
    ('A9 coding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), (400, 501)),
    ('A9 two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'), (400, 501)),
    ('A9 blank before the colon', get('/evil', 'Content-Length : 4\r\n'), 400),
    ('A9 folded', get('/evil', 'X: a\r\n b\r\n'), 400),
    ('A9 bare LF', get('/evil').replace('\r\n', '\n'), 400),
    ('A9 bare CR', get('/evil', 'X: a\rY: b\r\n'), 400),
    ('A9 NUL', get('/evil', 'X: a\0b\r\n'), 400),
    ('A10 lengths', post('Content-Length: 4\r\nContent-Length: 5\r\n', 'evil'), 400),
    ('A10 list', post('Content-Length: 4, 4\r\n', 'evil'), 400),
    ('A10 sign', post('Content-Length: +4\r\n', 'evil'), 400),
    ('A14 encoded slash', get('/evil%2f..%2fx'), 400),
    ('A14 parameter', get('/evil/..;/x'), 400),
    ('A14 two slashes', get('//evil'), 400),
    ('A14 backslash', get('/evil\\x'), 400),
    ('A14 above the root', get('/../evil'), 400),
    ('A14 overlong', get('/evil%c0%af'), 400),
    ('A15', get('/evil', method='TRACE'), 405),
    ('A15 in lower case', get('/evil', method='trace'), (400, 405)),
    ('A15 TRACK', get('/evil', method='TRACK'), 405),
    ('CONNECT', get('lab.test:{port}', 'X: evil\r\n', 'CONNECT'), 405),
)


@as_root_and_user
class Web(rig.Row):
    def setUp(self):
        super().setUp()
        self.seen = []
        self.context = None
        certificate, key = os.path.join(self.folder, 'lab.crt'), os.path.join(self.folder, 'lab.key')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                        '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=lab',
                        '-addext', 'subjectAltName=DNS:lab.test'], check=True, capture_output=True)
        os.chmod(certificate, 0o644)
        self.certificate = certificate
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def serve(self, tls=False, answer=OK):
        def handle(connection):
            if tls:
                connection = self.context.wrap_socket(connection, server_side=True)
            while True:
                data = connection.recv(65536)
                if not data:
                    return
                self.seen.append(data)
                for _ in range(data.count(b'\r\n\r\n')):
                    connection.sendall(answer)
        return Server(handle)

    def options(self, host='lab.test'):
        return (*LOOPBACK, '--allow-host', host, '--add-host', 'lab.test:127.0.0.1', '--upstream-ca',
                self.certificate)

    def rules(self, *rules):
        """Options by which only @rules allow something."""
        path = self.make_file('rules.yaml', json.dumps({'network': {'rules': list(rules)}}))
        return (*LOOPBACK, '--config', path, '--add-host', 'lab.test:127.0.0.1', '--upstream-ca', self.certificate)

    def speak(self, server, *flows, options=None):
        """Say each of @flows: text, or (tls, sni, text). Return: what came back."""
        flows = [flow if isinstance(flow, tuple) else (False, None, flow) for flow in flows]
        flows = [(tls, sni, text.replace('{port}', str(server.port))) for tls, sni, text in flows]
        done = self.run_in(PYTHON, '-c', SPEAK, str(server.port), input=json.dumps(flows),
                           options=options or self.options())
        self.assert_code(done, 0)
        return done.json()

    def assert_untouched(self):
        self.assertNotIn(b'evil', b''.join(self.seen).lower())

    def test_A13_what_is_malformed_is_refused_alike(self):
        """A6, A9, A10, A14, A15, without TLS and with it (A13): the same answer, and no octet outside."""
        for tls in (False, True):
            with self.serve(tls) as server:
                answers = self.speak(server, *[(tls, 'lab.test', text) for _, text, _ in REFUSED])
            for (name, _, status), answer in zip(REFUSED, answers):
                wanted = [str(one) for one in (status if isinstance(status, tuple) else (status,))]
                self.assertIn(answer.split(' ')[1] if ' ' in answer else answer, wanted, (name, tls, answer))
                self.assertIn('error_code', answer, name)
        self.assertEqual(self.seen, [])

    def test_A06_another_name_in_the_hello(self):
        with self.serve(True) as server:
            answers = self.speak(server, (True, 'other.test', get('/evil')), (True, 'lab.test', get('/good')))
        self.assertRegex(answers[0], '^<(ConnectionResetError|SSL.*)>$')
        self.assertIn('200 OK', answers[1])
        self.assert_untouched()

    def test_A08_no_name_in_the_hello(self):
        with self.serve(True) as server:
            answers = self.speak(server, (True, None, get('/good')))
        self.assertIn('200 OK', answers[0])

    def test_A08_a_malformed_hello(self):
        hello = '\x16\x03\x01\x00\x20\x01\x00\x00\x1c' + 'evil' * 7
        with self.serve() as server:
            for host in ('lab.test', f'lab.test:{server.port}'):  # whether or not raw octets may pass
                self.assertEqual(self.speak(server, hello, options=self.options(host)), ['<ConnectionResetError>'])
        self.assert_untouched()

    def test_A07_what_is_neither(self):
        with self.serve() as server:
            answers = self.speak(server, 'SSH-2.0-evil\r\n', 'EHLO evil\r\n', '\0\0\0\x08evil', '{"evil": 1}\n')
            self.assertEqual(set(answers), {'<ConnectionResetError>'})
            self.assert_untouched()
            self.speak(server, 'SSH-2.0-good\r\n', options=self.options(f'lab.test:{server.port}'))
        self.assertIn(b'SSH-2.0-good\r\n', self.seen)

    def test_A07_no_http_within_tls(self):
        with self.serve(True) as server:
            answers = self.speak(server, (True, 'lab.test', '\0evil'))
        self.assertIn(' 400 ', answers[0])
        self.assert_untouched()

    def test_A11_pipelined(self):
        """A26, too: what a rule on methods and paths does not name does not go out, wherever it hides."""
        rule = {'host': 'lab.test', 'methods': ['GET', 'POST'], 'paths': ['/good/**']}
        inner = get('/evil')
        flows = (get('/good/1') + inner, get('/good/2') + get('/good/../evil'),
                 'POST /good/3 HTTP/1.1\r\n' + HEAD + 'Content-Length: 0\r\n\r\n' + inner,
                 'POST /good/4 HTTP/1.1\r\n' + HEAD + 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' + inner,
                 get('/good/5', 'Upgrade: h2c\r\nConnection: upgrade\r\n') + inner,
                 get('/good/6/%2e%2e/%2e%2e/evil'), get('/good/7') + get('/good/x', method='DELETE') + inner)
        for tls in (False, True):
            with self.serve(tls) as server:
                answers = self.speak(server, *[(tls, 'lab.test', text) for text in flows], options=self.rules(rule))
            self.assertEqual([answer.count('HTTP/1.1 200 ') for answer in answers], [1, 1, 1, 1, 1, 0, 1], answers)
            self.assertEqual([answer.count('HTTP/1.1 403 ') for answer in answers], [1, 1, 1, 1, 1, 1, 2], answers)
            self.assert_untouched()
            self.assertNotIn(b'DELETE', b''.join(self.seen))

    def test_A12_a_body_is_no_request(self):
        """What looks like a request inside a body stays in it."""
        inner = f'GET /inner HTTP/1.1\r\n{HEAD}\r\n'
        with self.serve() as server:
            length = len(inner.replace('{port}', str(server.port)))
            self.speak(server, f'POST /good HTTP/1.1\r\n{HEAD}Content-Length: {length}\r\n\r\n' + inner)
            self.assertEqual(b''.join(self.seen).count(b'HTTP/1.1\r\n'), 2)
            self.assertEqual(b''.join(self.seen).count(b'POST /good'), 1)

    def test_A16_a_redirect(self):
        """Each hop is judged anew."""
        with self.serve() as inner:
            to = f'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inner.port}/evil\r\nContent-Length: 0\r\n\r\n'
            with self.serve(answer=to.encode()) as server:
                done = self.run_in('curl', '-sSL', f'http://lab.test:{server.port}/', options=self.options())
        self.assertNotEqual(done.code, 0)
        self.assertEqual(inner.accepted, 0)

    def test_A27_websocket(self):
        """Is judged as such: a rule for GET does not allow it."""
        upgrade = ('Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
                   'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n')
        yes = b'HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n'
        with self.serve(answer=yes) as server:
            answers = self.speak(server, get('/evil', upgrade) + 'evil',
                                 options=self.rules({'host': 'lab.test', 'methods': ['GET']}))
            self.assertIn(' 403 ', answers[0])
            self.assert_untouched()
            answers = self.speak(server, get('/good', upgrade) + '\x81\x86\0\0\0\0frames',
                                 options=self.rules({'host': 'lab.test', 'methods': ['WEBSOCKET']}))
        self.assertIn(' 101 ', answers[0])
        self.assertIn(b'frames', b''.join(self.seen))

    def test_A27_no_frames(self):
        """What follows the upgrade is frames, and nothing else in their place: no other protocol, no payload under a
        head that ends differently read with other eyes."""
        upgrade = ('Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
                   'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n')
        yes = b'HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n'
        key = '\0\0\0\0'
        rows = ('GET /evil HTTP/1.1\r\n' + HEAD + '\r\n', 'evil', 'SSH-2.0-evil\r\n',
                '\x81\4evil', '\x91\x84' + key + 'evil', '\xa1\x84' + key + 'evil', '\xc1\x84' + key + 'evil',
                '\x83\x84' + key + 'evil', '\x8f\x84' + key + 'evil', '\x80\x84' + key + 'evil',
                '\x09\x84' + key + 'evil', '\x89\xfe\0\x84' + key + 'evil', '\x81\xfe\0\x04' + key + 'evil',
                '\x81\xff\0\0\0\0\0\0\0\x04' + key + 'evil', '\x81\xff\x80\0\0\0\0\0\0\x04' + key + 'evil',
                '\1\x81' + key + 'a\1\x84' + key + 'evil', '\x88\x80' + key + '\x81\x84' + key + 'evil',
                '\x88\x86' + key + '\3\xedevil', '\x88\x86' + key + '\0\0evil')
        with self.serve(answer=yes) as server:
            answers = self.speak(server, *[get('/good', upgrade) + row for row in rows])
        for row, answer in zip(rows, answers):
            with self.subTest(repr(row)):
                self.assertRegex(answer, '<ConnectionResetError>$')
        self.assert_untouched()

    def test_A28_slow_heads(self):
        with self.serve() as server:
            done = self.run_in(PYTHON, '-c', CROWD, str(server.port), options=self.options())
        self.assert_prints(done, '200\n')
        self.assert_untouched()

    def test_A06_is_reported(self):
        network = {'allowed_hosts': ['lab.test'], 'hosts': {'lab.test': '127.0.0.1'},
                   'allow_private': ['127.0.0.1']}
        with self.serve() as server, self.sandbox({'network': network}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            sandbox.exec(['curl', '-s', '-H', 'Host: other.test', f'http://lab.test:{server.port}/evil'])
            eventually(lambda: any('another host' in str(event) for event in list(events)), 5)
        self.assertTrue(any('another host' in str(event) for event in events), events)
        self.assert_untouched()

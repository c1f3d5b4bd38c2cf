# SPDX-License-Identifier: Apache-2.0
"""Row B7: what HTTP/1 replaces, refuses and hides, HTTP/2 does as well; and what only its frames make possible."""
import json
import re
import shutil
import unittest

import http2_peer as h2
from servers import Secure, SecureTwo
from support import PYTHON, as_root_and_user
from test_secrets import PLACEHOLDER, TALK, Rows, echo

TALK2 = TALK + '''
import json
sys.path.insert(0, '/tmp/lib')
import http2_peer as h2
def one(host, port, method, target, fields, body):
    c = http.client.HTTPSConnection(host, port)
    c.request(method, target, body or None, dict(fields))
    r = c.getresponse()
    return [r.status, r.getheader('X-Echo'), r.read().count(KEY.encode()) if r.status == 200 else 0]
def two(host, port, method, target, fields, body):
    peer = h2.client(host, port, tls=['h2'])
    peer.headers(1, h2.request(host, port, target, method, 'https', [(n.lower(), v) for n, v in fields]), end=not body)
    if body:
        for i in range(0, len(body), 11): peer.data(1, body[i:i + 11], end=i + 11 >= len(body))
    heads, text, code = peer.response(1)
    head = dict(heads[0])
    return [int(head[':status']), head.get('x-echo'), text.count(KEY.encode()) if head[':status'] == '200' else 0]
'''


def echo_two(peer, stream, fields, body):
    head = ''.join(f'{name}: {value}\n' for name, value in fields).encode()
    status, more, out = echo(b'\n' + head.replace(b'x-key', b'X-Key'), body)
    peer.headers(stream, [(':status', str(status)), *((name.lower(), value) for name, value in more)])
    peer.data(stream, out)


@unittest.skipIf(h2.library() is None, 'there is no libnghttp2 here')
class Base(Rows):
    def setUp(self):
        super().setUp()
        shutil.copy(h2.__file__, self.make_folder('lib'))
        self.env['KEY'] = 'sk-live-7b.A'

    def options(self, *more):
        return super().options('-v', f'{self.folder}/lib:/tmp/lib:ro', *more)

    def said(self, script, *ports):
        done = self.run_in(PYTHON, '-c', TALK2 + script, *map(str, ports), options=self.options())
        self.assert_code(done, 0)
        self.assertNotIn(self.env['KEY'], done.text + done.errors)
        return [json.loads(re.sub(PLACEHOLDER, 'K', line)) for line in done.text.splitlines()]


@as_root_and_user
class SecretsTwo(Base):
    def test_B7_as_http1(self):
        with Secure(echo, self.pem) as server, SecureTwo(echo_two, self.pem) as second:
            rows = self.said('''
encoded = '%49' + KEY[1:]
basic = 'Basic ' + base64.b64encode(f'u:{KEY}'.encode()).decode()
for host in ('a.test', 'b.test'):
    for method, target, fields, body in (
            ('GET', '/', [], b''), ('GET', '/', [('X-Key', KEY)], b''), ('GET', '/', [('X-Key', encoded)], b''),
            ('GET', '/', [('X-Key', f'a{KEY}{KEY}b')], b''), ('GET', f'/?k={KEY}', [], b''), ('GET', f'/{encoded}', [], b''),
            ('GET', '/', [('Authorization', basic)], b''), ('GET', '/', [('Authorization', f'Bearer {KEY}')], b''),
            ('POST', '/', [], b'x' * 30 + KEY.encode()), ('POST', '/', [], encoded.encode() + b'y'),
            ('POST', '/', [('Content-Type', 'application/grpc')], KEY.encode()),
            ('POST', '/', [('X-Key', KEY)], b'I%49IMMURE_SECRET_'), ('GET', '/', [('X-Key', 'IMMURE_SECRET_' + '7' * 32)], b'')):
        row = (method, target, fields, body)
        print(json.dumps([[host, method, target, fields, body.decode()], one(host, PORT, *row),
                          two(host, int(sys.argv[2]), *row)]))
''', server.port, second.port)
        self.assertEqual(len(rows), 26)
        for row, first, other in rows:
            self.assertEqual(first, other, row)
        self.assertEqual([first[0] for _, first, _ in rows].count(200), 7, rows)
        self.assertEqual(len(second.requests), 7)
        self.assertNotIn('IMMURE_SECRET_0', json.dumps([fields for fields, _, _ in second.requests]))

    def test_B7_frames(self):
        """Split over CONTINUATION, padded, between other streams, in trailers."""
        with SecureTwo(echo_two, self.pem) as second:
            shown = self.said('''
def ask(host, *more, method='POST'): return h2.request(host, PORT, '/', method, 'https', more)
def status(peer, stream):
    heads, _, code = peer.response(stream)
    return [dict(heads[0])[':status'], code]
key = KEY.encode()
for host in ('a.test', 'b.test'):  # over the edge of a frame
    for at in range(16384 - 80, 16384, 7):
        peer = h2.client(host, PORT, tls=['h2'])
        peer.headers(1, ask(host, ('x-long', 'y' * (at - 60)), ('x-key', KEY), method='GET'), end=True)
        print(json.dumps(status(peer, 1)))
for host in ('a.test', 'b.test'):
    peer = h2.client(host, PORT, tls=['h2'])
    for stream in (1, 3): peer.headers(stream, ask(host))
    for i in range(len(key)):  # padded, each octet between those of another
        pad = i % 5
        peer.send(h2.frame(h2.DATA, 8, 1, bytes([pad]) + key[i:i + 1] + bytes(pad)))
        peer.data(3, b'z', end=False)
    peer.data(1, b'')
    print(json.dumps(status(peer, 1)))
    peer.data(3, b'')
    print(json.dumps(status(peer, 3)))
    peer.headers(5, ask(host))
    peer.data(5, b'x', end=False)
    peer.headers(5, [('x-sum', KEY)], end=True)
    print(json.dumps(status(peer, 5)))
''', second.port)
        count = len(range(16384 - 80, 16384, 7))
        self.assertEqual(shown, [['200', None]] * count + [['403', None]] * count +
                         [['403', None], ['200', None], ['200', None]] * 2)
        self.assertEqual([trailers for _, _, trailers in second.requests if trailers], [])
        self.assertEqual([body for _, body, _ in second.requests][count:], [b'z' * 46, b'x'] * 2)

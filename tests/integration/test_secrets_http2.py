# SPDX-License-Identifier: Apache-2.0
"""Secrets over HTTP/2: as over HTTP/1 (test_secrets), a stream at a time."""
import base64
import hashlib
import json
import re
import shutil
import struct
import subprocess
import unittest
import urllib.parse

import http2_peer as h2
from servers import SecureTwo, Server
from support import PYTHON, as_root_and_user
from test_secrets import PART, PLACEHOLDER, VALUE, Rig

QUOTED = 'sk-live-7b%2F%22q%5C9%2Bx'
INSIDE = '''
import base64, json, os, sys
sys.path.insert(0, '/tmp/lib')
import http2_peer as h2
KEY, PORT = os.environ['KEY'], int(sys.argv[1])
def show(what): print(json.dumps(what, default=lambda octets: octets.decode('latin-1')))
def ask(path='/', method='GET', host='a.test', **more):
    return h2.request(host, PORT, path, method, scheme='https', more=list(more.get('more', ())))
def client(host='a.test', **options): return h2.client(host, PORT, tls=['h2'], **options)
def exchange(peer, stream, fields, *pieces):
    peer.headers(stream, fields, end=not pieces)
    for i, piece in enumerate(pieces): peer.data(stream, piece, end=i == len(pieces) - 1)
    return peer.response(stream)
'''


def echo(peer, stream, fields, body):
    """What came, as text, in fields, and in a trailer."""
    text = ''.join(f'{name}: {value}\n' for name, value in fields).encode() + body
    key = dict(fields).get('x-key', '-')
    name = f'x-{key}-y'.lower() if key.replace('-', '').isalnum() else 'x-y'
    peer.headers(stream, [(':status', '103'), ('link', f'<{key}>')])
    peer.headers(stream, [(':status', '200'), ('content-type', 'text/plain'), ('x-echo', key), (name, '1'),
                          ('location', f'https://c.test/{urllib.parse.quote(key, safe="")}'),
                          ('content-length', str(len(text)))])
    peer.data(stream, text, end=False)
    peer.headers(stream, [('x-sum', key)], end=True)


@unittest.skipIf(h2.library() is None, 'there is no libnghttp2 here')
class Two(Rig):
    def setUp(self):
        super().setUp()
        shutil.copy(h2.__file__, self.make_folder('lib'))

    def talk(self, server, script, *more, secret=('--secret', 'KEY@a.test')):
        """Run INSIDE and @script. Return: what it showed, with the placeholder as <KEY>."""
        done = self.run_in(PYTHON, '-c', INSIDE + script, str(server.port), options=self.options(
            '-v', f'{self.folder}/lib:/tmp/lib:ro', *secret, *more))
        self.assert_code(done, 0)
        for hidden in (VALUE, PART):
            self.assertNotIn(hidden, done.text + done.errors)
        return [json.loads(re.sub(PLACEHOLDER, '<KEY>', line)) for line in done.text.splitlines()]


@as_root_and_user
class Streams(Two):
    def test_heads(self):
        for value in (VALUE, 'sk-live-7bAx'):
            self.env['KEY'] = value
            self._head(value)

    def _head(self, value):
        with SecureTwo(echo, self.pem) as server:
            (heads, body, code), = self.talk(server, '''
show(exchange(client(), 1, ask(more=[('x-key', KEY), ('authorization', f'Bearer {KEY}'), ('accept-encoding', 'gzip'),
                                     ('range', 'bytes=0-3')])))''')
        (fields, _, _), = server.requests
        self.assertEqual((dict(fields)['x-key'], dict(fields)['authorization']), (value, f'Bearer {value}'))
        self.assertFalse({'accept-encoding', 'range'} & set(dict(fields)))
        self.assertIsNone(code)
        interim, final, trailers = (dict(one) for one in heads)
        self.assertEqual((interim['link'], final['x-echo'], final['location'], trailers),
                         ('<<KEY>>', '<KEY>', 'https://c.test/<KEY>', {'x-sum': '<KEY>'}))
        self.assertEqual(set(final), {':status', 'content-type', 'x-echo', 'location'} | ({'x-y'} if value == VALUE else set()))
        self.assertEqual(body.count('<KEY>'), 2)

    def test_where(self):
        secret = self.config(env='KEY', hosts=['a.test'], where=['query', 'basic', 'body'])
        with SecureTwo(echo, self.pem) as server:
            shown = self.talk(server, '''
peer, basic = client(), base64.b64encode(f'me:{KEY}'.encode()).decode()
show(exchange(peer, 1, ask(f'/p?k={KEY}&l=1', more=[('authorization', f'Basic {basic}')])))
form, doc = f'k={KEY}&l=2'.encode(), json.dumps({'k': KEY}).encode()
show(exchange(peer, 3, ask(method='POST', more=[('content-type', 'application/x-www-form-urlencoded'),
                                                ('content-length', str(len(form)))]), form))
pieces = [doc[i:i + 1] for i in range(len(doc))] + [b'']
show(exchange(peer, 5, ask(method='POST', more=[('content-type', 'application/json')]), *pieces))
show(exchange(peer, 7, ask(method='POST', more=[('content-type', 'text/plain')]), KEY.encode()))
''', secret=secret)
        first, form, as_json, text = server.requests
        self.assertEqual(dict(first[0])[':path'], f'/p?k={QUOTED}&l=1')
        basic = base64.b64encode(f'me:{VALUE}'.encode()).decode()
        self.assertEqual(dict(first[0])['authorization'], f'Basic {basic}')
        self.assertEqual((form[1].decode(), text[1].decode()), (f'k={QUOTED}&l=2', VALUE))
        self.assertNotIn('content-length', dict(form[0]))
        self.assertEqual(json.loads(as_json[1])['k'], VALUE)
        self.assertNotIn(basic, json.dumps(shown))
        self.assertNotIn(QUOTED, json.dumps(shown))
        self.assertEqual([code for _, _, code in shown], [None] * 4)

    def test_much(self):
        """Bodies that grow and shrink by far more than the windows; the other side is slow."""
        def digest(peer, stream, fields, body):
            peer.headers(stream, [(':status', '200')])
            peer.data(stream, hashlib.sha256(body).hexdigest().encode())
        secret = self.config(env='KEY', hosts=['a.test'], where=['body'])
        self.env['KEY'] = value = 'v' * 3000 + VALUE
        with SecureTwo(digest, self.pem) as server:
            (_, body, code), = self.talk(server, '''
peer, part = client(), (KEY + 'I' * 900).encode()
peer.headers(1, ask(method='POST'))
peer.socket.setblocking(True)
room = [65535, 65535]
for _ in range(600):
    while min(room) < len(part):
        kind, flags, stream, payload = peer._next()
        if kind == 8: room[stream != 0] += int.from_bytes(payload, 'big')
        elif kind == 4 and not flags & 1:
            peer.send(h2.frame(4, 1, 0))
            for key, most in __import__('struct').iter_unpack('>HI', payload):
                if key == 4: room[1] += most - 65535
    room = [left - len(part) for left in room]
    peer.data(1, part, end=False)
peer.data(1, b'')
show(peer.response(1))
''', secret=secret)
        self.assertIsNone(code)
        self.assertEqual(body, hashlib.sha256((value + 'I' * 900).encode() * 600).hexdigest())

    def test_refused(self):
        """As over HTTP/1: another host, another place; nothing whole arrives, and the connection goes on."""
        rows = ['host="b.test", more=[("x-key", KEY)]', 'host="b.test", more=[("cookie", f"a={KEY}")]',
                'host="b.test", path=f"/?k={KEY}"', 'path=f"/?k={KEY}"', 'path=f"/{KEY}"', 'more=[(KEY.lower(), "x"), ("y", "x" + KEY + KEY)]'
                ', host="b.test"', 'more=[("authorization", "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode())]',
                'more=[("x-key", "IMMURE_SECRET_" + "7" * 32)]', 'host="b.test", more=[("x-key", "%49" + KEY[1:])]']
        with SecureTwo(echo, self.pem) as server:
            shown = self.talk(server, '''
peers, ids = {'a.test': client('a.test'), 'b.test': client('b.test')}, iter(range(1, 999, 2))
def status(response): return [dict(response[0][-1]).get(':status') if response[0] else None, response[2]]
def row(*pieces, host='a.test', **more):
    return status(exchange(peers[host], next(ids), ask(host=host, method='POST' if pieces else 'GET', **more), *pieces))
''' + ''.join(f'show(row({row}))\n' for row in rows) + '''
key = KEY.encode()
for i in (1, 13, 14, 45): show(row(b'x' + key[:i], key[i:], host='b.test'))
show(row(*[key[i:i + 1] for i in range(46)], host='b.test'))
show(row(b'x' * 30000, b'y' * 30000 + key + b'z', host='a.test'))
show([row(), row(host='b.test')])
''')
        self.assertEqual(shown, [['403', None]] * (len(rows) + 6) + [[[None, None]] * 2])
        # the last of their heads are trailers
        self.assertEqual([len(fields) for fields, _, _ in server.requests], [4, 4])

    def test_too_late(self):
        """When the server has answered already, its stream and the program's are reset."""
        def answer(connection):
            context = SecureTwo(None, self.pem)._context
            peer = h2.Peer(context.wrap_socket(connection, server_side=True), False)
            while True:
                got = peer.read()
                if got.type == h2.HEADERS:
                    peer.headers(got.stream, [(':status', '200')])
                elif got.type == h2.DATA and got.payload == b'one':
                    peer.data(got.stream, b'more', end=False)
                elif got.type == h2.RST_STREAM:
                    return struct.unpack('>I', got.payload)[0]
        with Server(answer) as server:
            (begin, code), = self.talk(server, '''
peer = client()
peer.headers(1, ask(method='POST'))
peer.data(1, b'one', end=False)
seen = [peer.read().type, peer.read().payload]
peer.data(1, KEY.encode())
show([seen[1], peer.response(1)[2]])
''')
        self.assertEqual((begin, code, server.results), ('more', 8, [8]))

    def test_without_tls(self):
        with SecureTwo(echo) as server:
            (heads, _, _), (more, _, _) = self.talk(server, '''
peer = h2.client('a.test', PORT)
show(exchange(peer, 1, h2.request('a.test', PORT, more=[('x-key', KEY)])))
show(exchange(peer, 3, h2.request('a.test', PORT, method='POST'), KEY.encode()))
''')
        self.assertEqual((dict(heads[0])[':status'], dict(more[0])[':status'], server.requests), ('403', '403', []))


@as_root_and_user
class Grpc(Two):
    def test_messages(self):
        """Metadata has secrets; messages pass as they are, at once."""
        message = b'\0\0\0\0\x09%I%49IMMU'

        def answer(connection):
            context = SecureTwo(None, self.pem)._context
            peer = h2.Peer(context.wrap_socket(connection, server_side=True), False)
            fields = peer.read().fields
            peer.headers(1, [(':status', '200'), ('content-type', 'application/grpc+json')])
            for _ in range(3):
                got = peer.read()
                peer.data(1, got.payload + VALUE.encode(), end=False)
            peer.headers(1, [('grpc-status', '0'), ('grpc-message', f'for {QUOTED}')], end=True)
            return fields
        with Server(answer) as server:
            done = self.run_in(PYTHON, '-c', INSIDE + f'''
peer = client()
peer.headers(1, ask('/s/M', 'POST', more=[('content-type', 'application/grpc'), ('te', 'trailers'), ('x-key', KEY)]))
assert peer.read().type == h2.HEADERS
for i in range(3):
    peer.data(1, {message!r}, end=False)
    print(peer.read().payload == {message + VALUE.encode()!r})
print(KEY, dict(peer.read().fields))
''', str(server.port), options=self.options('-v', f'{self.folder}/lib:/tmp/lib:ro', '--secret', 'KEY@a.test'))
        text = re.sub(PLACEHOLDER, '<KEY>', done.text)
        self.assertEqual(text, "True\nTrue\nTrue\n<KEY> {'grpc-status': '0', 'grpc-message': 'for <KEY>'}\n", done)
        self.assertEqual((dict(server.results[0])['x-key'], dict(server.results[0])['te']), (VALUE, 'trailers'))


@as_root_and_user
class Clients(Two):
    def test_curl(self):
        if 'HTTP2' not in subprocess.run(['curl', '--version'], capture_output=True, text=True, check=True).stdout:
            self.skipTest('this curl does not speak HTTP/2')
        with SecureTwo(echo, self.pem) as server:
            out = self.sent('curl -sSi --http2 -H "X-Key: $KEY" $U/x; '
                            'head -c 100000 /dev/zero | curl -sS -o /dev/null -w "%{http_code} %{http_version}\n" --http2 '
                            '-H "Authorization: Bearer $KEY" --data-binary @- $U/y; '
                            'curl -sS -o /dev/null -w "%{http_code}\n" --http2 -d "$KEY" $V/z', server)
        self.assertIn('HTTP/2 200', out)
        self.assertIn('x-echo: <KEY>', out)
        self.assertTrue(out.endswith('200 2\n403\n'), out[-200:])
        self.assertEqual(dict(server.requests[0][0])['x-key'], VALUE)
        self.assertEqual(len(server.requests[1][1]), 100000)

    def test_websocket(self):
        """Secrets in the handshake; a value in frames is hidden (B4)."""
        def answer(connection):
            context = SecureTwo(None, self.pem)._context
            peer = h2.Peer(context.wrap_socket(connection, server_side=True), False, settings=((8, 1),))
            fields = peer.read().fields
            peer.headers(1, [(':status', '200'), ('sec-websocket-protocol', dict(fields)['sec-websocket-protocol'])])
            peer.data(1, b'\x82\x01' + peer.read().payload[-1:], end=False)
            peer.data(1, b'\1\4<sk-', end=False)
            peer.data(1, b'\x80\x0alive-7b.x>')
            return fields
        self.env['KEY'] = value = 'sk-live-7b.x'
        with Server(answer) as server:
            (heads, data), = self.talk(server, '''
peer = client()
while peer.other.get(8) != 1:
    kind, flags, _, payload = peer._next()
    if kind == h2.SETTINGS and not flags & 1:
        peer.other.update(__import__('struct').iter_unpack('>HI', payload))
        peer.send(h2.frame(h2.SETTINGS, 1, 0))
peer.headers(1, [(':method', 'CONNECT'), (':protocol', 'websocket'), *ask()[1:], ('sec-websocket-version', '13'),
                 ('sec-websocket-protocol', f'k.{KEY}')])
heads = dict(peer.read().fields)
peer.data(1, b'\\x82\\x81\\0\\0\\0\\0I', end=False)
data = b''
while True:
    got = peer.read()
    data += got.payload
    if got.flags & 1: break
# frames as long as the placeholder makes them
show([heads, data.replace(b'\\x01\\x01<\\x80\\x2f', b'{}').replace(b'\\x81\\x30<', b'{}').decode('latin-1')])
''')
        self.assertEqual((heads, data), ({':status': '200', 'sec-websocket-protocol': 'k.<KEY>'}, '\x82\x01I{}<KEY>>'))
        self.assertEqual(dict(server.results[0])['sec-websocket-protocol'], f'k.{value}')


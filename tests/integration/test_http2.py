# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 through the gateway: each stream judged, bodies, trailers, resets and ends passed on."""
import json
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest

import http2_peer as h2
import support
from servers import Server
from support import PYTHON, as_root_and_user, eventually

HOST = 'lab.test'
LOOPBACK = ('--allow-private', '127.0.0.1', '--add-host', f'{HOST}:127.0.0.1')
CONNECT_PROTOCOL = 8

CLIENT = '''
import json, struct, sys, time
sys.path.insert(0, '/tmp/lib')
import http2_peer as h2
host, port = 'lab.test', int(sys.argv[1])
def ask(path='/', method='GET', **more): return h2.request(host, port, path, method, **more)
def show(what): print(json.dumps(what, default=lambda octets: octets.decode('latin-1')))
'''

needs_nghttp2 = unittest.skipIf(h2.library() is None, 'there is no libnghttp2 here')


def serve(answer, settings=((3, 200),), **options):
    """A server that calls @answer(peer, frame) for each frame."""
    def handle(connection):
        peer = h2.Peer(connection, False, settings=settings, **options)
        seen = []
        try:
            while True:
                got = peer.read()
                seen.append(got)
                answer(peer, got)
        except (ConnectionError, OSError):
            return seen
    return Server(handle)


def ok(peer, got):
    """200 to each request that is whole, with its path as the body."""
    if got.type == h2.HEADERS and got.flags & h2.END_STREAM:
        peer.headers(got.stream, [(':status', '200'), ('x-a', 'b')])
        peer.data(got.stream, dict(got.fields)[':path'].encode())


class Rig(support.Tests):
    def setUp(self):
        super().setUp()
        shutil.copy(h2.__file__, self.make_folder('lib'))
        self.lib = ('-v', f'{self.folder}/lib:/tmp/lib:ro')

    def inside(self, server, script, options=('--allow-host', HOST)):
        """Run CLIENT and @script. Return: what it showed, a value a line."""
        done = self.run_in(PYTHON, '-c', CLIENT + script, server.port, options=(*LOOPBACK, *self.lib, *options))
        self.assert_code(done, 0)
        return [json.loads(line) for line in done.text.splitlines()]


@needs_nghttp2
@as_root_and_user
class Streams(Rig):
    def test_fifty_at_once(self):
        with serve(ok) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
for i in range(50): peer.headers(2 * i + 1, ask(f'/{i}'), end=True)
bodies = {}
while len(bodies) < 50:
    got = peer.read()
    if got.type == h2.DATA and got.flags & 1: bodies[got.stream] = got.payload.decode()
show([bodies[2 * i + 1] for i in range(50)])
''')
        self.assertEqual(shown, [[f'/{i}' for i in range(50)]])
        self.assertEqual(server.accepted, 1)
        heads = [dict(got.fields) for got in server.results[0] if got.type == h2.HEADERS]
        self.assertEqual({head[':authority'] for head in heads}, {f'{HOST}:{server.port}'})

    def test_a_denied_stream_beside_others(self):
        events = []
        with serve(ok) as server, self.sandbox({'network': {
                'rules': [{'host': HOST, 'paths': ['/ok/**'], 'methods': ['GET']}],
                'hosts': {HOST: '127.0.0.1'}, 'allow_private': ['127.0.0.1']},
                'vfs': {'direct_mounts': {'/tmp/lib': {'host_path': f'{self.folder}/lib', 'readonly': True}}}}) as box:
            box.on_event(events.append)
            done = box.exec([PYTHON, '-c', CLIENT + '''
peer = h2.client(host, port)
for i, path in enumerate(('/ok/1', '/no', '/ok/2', '/ok/%2e./no')): peer.headers(2 * i + 1, ask(path), end=True)
heads, bodies = {}, {}
while len(bodies) < 4:
    got = peer.read()
    if got.type == h2.HEADERS: heads[got.stream] = dict(got.fields)[':status']
    if got.type == h2.DATA and got.flags & 1: bodies[got.stream] = got.payload.decode()
show([heads, bodies])
''', str(server.port)])
            self.assertEqual(done['exit_code'], 0, done)
            heads, bodies = json.loads(done['stdout'])
            self.assertEqual(heads, {'1': '200', '3': '403', '5': '200', '7': '403'})
            self.assertEqual((bodies['1'], bodies['5']), ('/ok/1', '/ok/2'))
            envelope = json.loads(bodies['3'])
            self.assertEqual(envelope['error_code'], 'policy_denied')
            self.assertEqual(envelope['policy_explanation'], f'{HOST} does not allow GET on the path /no')
            eventually(lambda: len([e for e in list(events) if e['type'] == 'network']) >= 5)
        paths = [dict(got.fields)[':path'] for got in server.results[0] if got.type == h2.HEADERS]
        self.assertEqual(paths, ['/ok/1', '/ok/2'], 'nothing of the others went out')
        facts = [e['network'] for e in events if e['type'] == 'network']
        told = sorted(fact['url'].split('/', 3)[-1] for fact in facts if fact['url'].startswith('http:'))
        self.assertEqual(told, ['no', 'no', 'ok/1', 'ok/2'], facts)

    def test_what_is_malformed(self):
        """Is answered on its stream, and does not go out; the connection goes on."""
        with serve(ok) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
rows = [ask('/a%2fb'), ask('//'), ask(method='TRACE'), ask(method='get'), ask(more=[('connection', 'x')]),
        ask(more=[('X-A', 'b')]), ask(more=[('content-length', '5')]), ask(more=[('x', 'a\\r\\nb: c')]),
        h2.request('other.test', port), ask(more=[('host', 'other.test')]), ask(scheme='https'),
        ask() + [(':path', '/b')], ask()[1:], [(':method', 'CONNECT'), (':authority', 'x.test:443')],
        ask(method='CONNECT', more=[('x', 'y')])[:1] + [(':protocol', 'websocket')] + ask()[1:] +
        [('sec-websocket-version', '13')], ask(more=[('x', 'y')] * 200), ask('/' + 'p' * 17000),
        ask(more=[('x', 'v' * 60000)])]
seen = []
for i, row in enumerate(rows):
    peer.headers(2 * i + 1, row, end=':protocol' not in dict(row))
    heads, body, code = peer.response(2 * i + 1)
    seen.append(dict(heads[0])[':status'] if heads else code)
peer.headers(1001, ask('/sound'), end=True)
show(seen)
show(peer.response(1001)[1:])
''')
        self.assertEqual(shown[0], ['400', '400', '405', '400', '400', '400', '400', '400', '421', '421', '421', '400',
                                    '400', '405', '501', '431', '414', '431'])
        self.assertEqual(shown[1], ['/sound', None])
        self.assertEqual(len([got for got in server.results[0] if got.type == h2.HEADERS]), 1)

    def test_a_length_that_is_wrong(self):
        with serve(ok) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
for i, (length, body) in enumerate((('5', b'four'), ('5', b'sixsix'))):
    peer.headers(2 * i + 1, ask(method='POST', more=[('content-length', length)]))
    peer.data(2 * i + 1, body)
    show(peer.response(2 * i + 1)[2])
''')
        self.assertEqual(shown, [1, 1])  # PROTOCOL_ERROR
        self.assertFalse([got for got in server.results[0] if got.type == h2.DATA and got.flags & h2.END_STREAM])


    def test_a_server_that_greets_first(self):
        """And a program that takes its time."""
        def handle(connection):
            connection.sendall(h2.frame(h2.SETTINGS, 0, 0, struct.pack('>HI', 3, 100)))
            peer = h2.Peer(connection, False)
            ok(peer, peer.read())
            peer.read()
        for options in (('--allow-host', HOST), None):
            with self.subTest(options), Server(handle) as server:
                shown = self.inside(server, '''
import socket
connection = socket.create_connection((host, port), timeout=20)
time.sleep(0.5)
peer = h2.Peer(connection, True)
peer.headers(1, ask('/x'), end=True)
show(peer.response(1)[1:])
''', options or ('--allow-host', f'{HOST}:{server.port}'))
                self.assertEqual(shown, [['/x', None]])


@needs_nghttp2
@as_root_and_user
class Bodies(Rig):
    def test_trailers_and_interim_responses(self):
        def answer(peer, got):
            if got.flags & h2.END_STREAM:
                peer.headers(got.stream, [(':status', '103'), ('link', 'a')])
                peer.headers(got.stream, [(':status', '200'), ('content-type', 'application/grpc')])
                peer.data(got.stream, b'body', end=False)
                peer.headers(got.stream, [('grpc-status', '0'), ('grpc-message', 'fine')], end=True)
        with serve(answer) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
peer.headers(1, ask(method='POST', more=[('te', 'trailers')]))
peer.data(1, b'hello', end=False)
peer.headers(1, [('x-sum', '7')], end=True)
show(peer.response(1))
''')
        heads, body, code = shown[0]
        self.assertEqual([dict(head).get(':status') for head in heads], ['103', '200', None])
        self.assertEqual(heads[2], [['grpc-status', '0'], ['grpc-message', 'fine']])
        self.assertEqual((body, code), ('body', None))
        got = server.results[0]
        self.assertIn(('te', 'trailers'), got[0].fields)
        self.assertEqual([(f.type, f.payload) for f in got[1:3] if f.type == h2.DATA][0], (h2.DATA, b'hello'))
        self.assertIn([('x-sum', '7')], [f.fields for f in got])

    def test_a_response_of_trailers_only(self):
        def answer(peer, got):
            peer.headers(got.stream, [(':status', '200'), ('grpc-status', '12')], end=True)
        with serve(answer) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
peer.headers(1, ask(method='POST'), end=True)
show(peer.response(1))
''')
        self.assertEqual(shown[0], [[[[':status', '200'], ['grpc-status', '12']]], '', None])

    def test_heads_without_bodies(self):
        def answer(peer, got):
            if got.type != h2.HEADERS:
                return
            status = dict(got.fields)[':path'][1:]
            peer.headers(got.stream, [(':status', status), ('content-length', '5' if status != '204' else '0')], end=True)
        with serve(answer) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
for i, (method, status) in enumerate((('HEAD', 200), ('GET', 204), ('GET', 304), ('GET', 200))):
    peer.headers(2 * i + 1, ask(f'/{status}', method), end=True)
    heads, body, code = peer.response(2 * i + 1)
    show([len(heads), body, code])
''')
        self.assertEqual(shown[:3], [[1, '', None]] * 3)
        self.assertNotEqual(shown[3][2], None, 'no body where five octets are announced')

    def test_resets_both_ways(self):
        gone = threading.Event()

        def answer(peer, got):
            if got.type == h2.HEADERS and dict(got.fields)[':path'] != '/wait':
                peer.headers(got.stream, [(':status', '200')])
                peer.data(got.stream, b'part', end=False)
                peer.reset(got.stream, int(dict(got.fields)[':path'][1:]))
            elif got.type == h2.RST_STREAM:
                gone.set()
        with serve(answer) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
for i, code in enumerate((2, 8, 11)):
    peer.headers(2 * i + 1, ask(f'/{code}'), end=True)
    show(peer.response(2 * i + 1)[2])
peer.headers(7, ask('/wait'))
time.sleep(0.5)
peer.reset(7, 8)
time.sleep(0.5)
''')
            self.assertTrue(gone.wait(10))
        self.assertEqual(shown, [2, 8, 11])
        codes = [struct.unpack('>I', got.payload)[0] for got in server.results[0] if got.type == h2.RST_STREAM]
        self.assertIn(8, codes)

    def test_a_server_that_leaves(self):
        """What is under way is finished; then the program is told, too."""
        def answer(peer, got):
            if got.type == h2.HEADERS and got.stream == 3:
                peer.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', 3, 0)))
                for stream in (1, 3):
                    peer.headers(stream, [(':status', '200')])
                    peer.data(stream, b'late')
        with serve(answer) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
for stream in (1, 3): peer.headers(stream, ask(), end=True)
bodies, goaway = {}, None
while len(bodies) < 2 or goaway is None:
    got = peer.read()
    if got.type == h2.DATA: bodies[got.stream] = got.payload
    if got.type == h2.GOAWAY: goaway = struct.unpack('>II', got.payload[:8])
show([sorted(bodies.items()), goaway])
''')
        self.assertEqual(shown, [[[[1, 'late'], [3, 'late']], [3, 0]]])

    def test_a_server_that_is_gone(self):
        """Without a response: 502. In the middle of one: a reset."""
        def handle(connection):
            peer = h2.Peer(connection, False)
            streams = [peer.read().stream for _ in range(2)]
            peer.headers(streams[1], [(':status', '200')])
            peer.data(streams[1], b'part', end=False)
            connection.shutdown(socket.SHUT_WR)
            time.sleep(0.5)  # a reset, for what it leaves unread, would destroy what it has said
            return True
        with Server(handle) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
peer.headers(1, ask(), end=True)
peer.headers(3, ask(), end=True)
seen = {1: [], 3: []}
while 0 not in seen[1] or 3 not in seen[3]:
    got = peer.read()
    if got.type == h2.HEADERS: seen[got.stream].append(dict(got.fields)[':status'])
    elif got.type == h2.RST_STREAM or got.stream == 1: seen[got.stream].append(got.type)
show(seen)
''')
        self.assertEqual(shown[0]['1'], ['502', 0])
        self.assertIn(shown[0]['3'], (['200', 3], [3]))

    def test_a_program_that_does_not_read(self):
        """The server gets credit as the program takes octets, and a window more; other streams go on."""
        def answer(peer, got):
            if got.type == h2.HEADERS and dict(got.fields)[':path'] == '/small':
                peer.headers(got.stream, [(':status', '200')])
                peer.data(got.stream, b'small')
            elif got.type == h2.HEADERS:
                peer.headers(got.stream, [(':status', '200')])
                window = peer.other.get(4, 65535)
                self.assertLessEqual(window, 1 << 20)
                peer.data(got.stream, b'x' * window, end=False)
        with serve(answer) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port, window=False)
peer.headers(1, ask('/large'), end=True)
came = 0
while came < 65535: came += len(peer.read().payload)
peer.headers(3, ask('/small'), end=True)
peer.credit(0, 1000)
while True:
    got = peer.read()
    if got.stream == 3 and got.type == h2.DATA: break
show([came, got.payload])
''')
        self.assertEqual(shown, [[65535, 'small']])

    def test_octets_both_ways(self):
        with serve(lambda peer, got: got.type == h2.HEADERS and not got.flags & 1 and peer.headers(
                got.stream, [(':status', '200')]) or got.type == h2.DATA and peer.data(
                    got.stream, got.payload, end=bool(got.flags & 1))) as server:
            done = self.run_in('sh', '-c', 'head -c 3000000 /dev/urandom >/tmp/x && curl -sS --http2-prior-knowledge '
                               f'--data-binary @/tmp/x http://{HOST}:{server.port}/ >/tmp/y && cmp /tmp/x /tmp/y && echo same',
                               options=(*LOOPBACK, '--allow-host', HOST))
        self.assert_prints(done, 'same\n')


@needs_nghttp2
@as_root_and_user
class WebSocket(Rig):
    SCRIPT = '''
peer = h2.client(host, port)
peer.headers(1, ask('/first'), end=True)
peer.response(1)
peer.headers(3, [(':method', 'CONNECT'), (':protocol', 'websocket')] + ask('/socket')[1:] + [('sec-websocket-version', '13')])
got = peer.read()
while got.stream != 3: got = peer.read()
show([peer.other.get(8), dict(got.fields)[':status']])
if dict(got.fields)[':status'] == '200':
    peer.data(3, b'\\x81\\x84    PING', end=False)
    show(peer.read().payload)
    peer.data(3)
    show(peer.response(3)[2])
'''

    def test_it_is_passed_on(self):
        def answer(peer, got):
            if got.type == h2.HEADERS and got.stream == 1:
                ok(peer, got)
            elif got.type == h2.HEADERS:
                peer.headers(got.stream, [(':status', '200')])
            elif got.type == h2.DATA:
                peer.data(got.stream, b'\x81\4pong' if got.payload else b'', end=bool(got.flags & 1))
        with serve(answer, settings=((CONNECT_PROTOCOL, 1),)) as server:
            shown = self.inside(server, self.SCRIPT)
        self.assertEqual(shown, [[1, '200'], '\x81\4pong', None])

    def test_what_is_no_frame(self):
        """Resets its stream alone; nothing of it arrives. So does what is sent before the server agrees."""
        came = []

        def answer(peer, got):
            if got.type == h2.HEADERS and got.stream == 1:
                ok(peer, got)
            elif got.type == h2.HEADERS and dict(got.fields)[':path'] == '/socket':
                peer.headers(got.stream, [(':status', '200')])
            elif got.type == h2.DATA:
                came.append(got.payload)
        with serve(answer, settings=((CONNECT_PROTOCOL, 1),)) as server:
            shown = self.inside(server, '''
peer = h2.client(host, port)
peer.headers(1, ask('/first'), end=True)
peer.response(1)
def upgrade(stream, path):
    peer.headers(stream, [(':method', 'CONNECT'), (':protocol', 'websocket')] + ask(path)[1:] + [('sec-websocket-version', '13')])
for stream, path, octets in ((3, '/socket', b'\\x81\\4evil'), (5, '/socket', b'GET /evil'), (7, '/silent', b'\\x81\\x84    EVIL')):
    upgrade(stream, path)
    if path == '/socket':
        while peer.read().stream != stream: pass
    peer.data(stream, octets, end=False)
    got = peer.read()
    while got.stream != stream: got = peer.read()
    show([got.type, got.payload])
''')
        self.assertEqual(shown, [[h2.RST_STREAM, '\0\0\0\1']] * 3)
        self.assertEqual(came, [])

    def test_a_server_that_takes_none(self):
        with serve(ok) as server:
            shown = self.inside(server, self.SCRIPT)
        self.assertEqual(shown, [[None, '501']])


@needs_nghttp2
@unittest.skipIf(shutil.which('openssl') is None, 'there is no openssl here')
@as_root_and_user
class Tls(Rig):
    def openssl(self, *words):
        subprocess.run(['openssl', *words], check=True, capture_output=True, cwd=self.folder)

    def secured(self, answer, *offered):
        """A server behind TLS that chooses of @offered, and the options that have it trusted."""
        self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem',
                     '-out', 'root.pem', '-days', '2', '-subj', f'/CN={HOST}', '-addext', f'subjectAltName=DNS:{HOST}')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f'{self.folder}/root.pem', f'{self.folder}/key.pem')
        if offered:
            context.set_alpn_protocols(offered)

        def handle(connection):
            with context.wrap_socket(connection, server_side=True) as inner:
                inner.settimeout(30)
                return answer(inner)
        return Server(handle), ('--allow-host', HOST, '--upstream-ca', f'{self.folder}/root.pem')

    @staticmethod
    def talk(connection):
        peer = h2.Peer(connection, False)
        got = peer.read()
        ok(peer, got)
        peer.read()

    def test_what_the_server_chose(self):
        server, options = self.secured(self.talk, 'h2', 'http/1.1')
        with server:
            shown = self.inside(server, """
peer = h2.client(host, port, tls=['h2', 'http/1.1'])
show(peer.socket.selected_alpn_protocol())
peer.headers(1, ask('/x', scheme='https'), end=True)
show(peer.response(1)[1:])
""", options)
        self.assertEqual(shown, ['h2', ['/x', None]])

    def test_http1_where_the_server_knows_no_better(self):
        def handle(connection):
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none')
        server, options = self.secured(handle, 'http/1.1')
        with server:
            done = self.run_in('curl', '-sS', '-w', ' %{http_version}', '--http2', f'https://{HOST}:{server.port}/',
                               options=(*LOOPBACK, *options))
        self.assert_prints(done, 'one 1.1')

    def test_prior_knowledge_inside_TLS(self):
        """Neither side speaks of protocols (ALPN)."""
        server, options = self.secured(self.talk)
        with server:
            shown = self.inside(server, """
peer = h2.client(host, port, tls=[])
peer.headers(1, ask('/x', scheme='https'), end=True)
show([peer.socket.selected_alpn_protocol(), *peer.response(1)[1:]])
""", options)
        self.assertEqual(shown, [[None, '/x', None]])

    def test_a_server_that_is_not_trusted(self):
        """A program that knows HTTP/2 alone hears why, too."""
        server, _ = self.secured(self.talk, 'h2')
        with server:
            shown = self.inside(server, """
peer = h2.client(host, port, tls=['h2'])
peer.headers(1, ask(method='POST', scheme='https'))
peer.data(1, b'body')
heads, body, code = peer.response(1)
show([dict(heads[0])[':status'], json.loads(body)['policy_explanation'], code])
""")
        self.assertEqual(shown[0][0], '502')
        self.assertRegex(shown[0][1], 'TLS with the server failed: its certificate')


GRPC = '''
import sys, threading, grpc
host, port = 'lab.test', sys.argv[1]
with grpc.insecure_channel(f'{host}:{port}') as channel:
    print(channel.unary_unary('/t.T/Unary')(b'one', timeout=20))
    def ask():
        for i in range(200): yield b'%d' % i
    got = list(channel.stream_stream('/t.T/Both')(ask(), timeout=20))
    print(len(got), got[-1])
    try: channel.unary_unary('/t.T/Fails')(b'x', timeout=20)
    except grpc.RpcError as error: print(error.code().name, error.details())
    try: channel.unary_unary('/t.T/Slow')(b'x', timeout=1)
    except grpc.RpcError as error: print(error.code().name)
'''

GRPC_SERVER = '''
import grpc, time
from concurrent import futures
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        def fails(request, context): context.abort(grpc.StatusCode.NOT_FOUND, 'no such')
        def both(requests, context):
            for request in requests: yield request + b'!'
        def slow(request, context): time.sleep(3); return b''
        return {'/t.T/Unary': grpc.unary_unary_rpc_method_handler(lambda request, context: request * 2),
                '/t.T/Both': grpc.stream_stream_rpc_method_handler(both),
                '/t.T/Slow': grpc.unary_unary_rpc_method_handler(slow),
                '/t.T/Fails': grpc.unary_unary_rpc_method_handler(fails)}[details.method]
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((Handler(),))
print(server.add_insecure_port('127.0.0.1:0'), flush=True)
server.start()
server.wait_for_termination()
'''


@unittest.skipUnless(subprocess.run([PYTHON, '-c', 'import grpc'], capture_output=True, check=False).returncode == 0,
                     'there is no python3-grpcio here')
@as_root_and_user
class Grpc(Rig):
    def test_calls(self):
        with subprocess.Popen([PYTHON, '-c', GRPC_SERVER], stdout=subprocess.PIPE) as server:
            try:
                port = server.stdout.readline().decode().strip()
                done = self.run_in(PYTHON, '-c', GRPC, port, options=(*LOOPBACK, '--allow-host', HOST))
            finally:
                server.kill()
        self.assert_prints(done, "b'oneone'\n200 b'199!'\nNOT_FOUND no such\nDEADLINE_EXCEEDED\n")

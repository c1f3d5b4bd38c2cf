# SPDX-License-Identifier: Apache-2.0
"""WebSocket: frames pass, are counted and capped, and what is none ends the connection. Frame by frame, and
between the server and client of a library."""
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import unittest

import support
import ws_peer as ws
from servers import Server, make_authority
from support import PYTHON, as_root_and_user, eventually

PACKAGES = os.path.join('/var/cache' if os.getuid() == 0 else os.environ.get('XDG_CACHE_HOME')
                        or os.path.expanduser('~/.cache'), 'immure-tests/clients/python')
INSIDE = '''
import json, os, sys, time
sys.path.insert(0, '/tmp/lib')
import ws_peer as ws
PORT, TLS = int(sys.argv[1]), sys.argv[2] == 'wss'
def show(what): print(json.dumps(what, default=lambda octets: octets.decode('latin-1')), flush=True)
def client(**options): return ws.client('a.test', PORT, tls=TLS, **options)
def fate(peer):
    """How it ends; TLS is broken off as well."""
    try:
        while True: peer.read()
    except OSError as error: return {'SSLEOFError': 'ConnectionResetError'}.get(type(error).__name__, type(error).__name__)
'''

LIBRARY_SERVER = '''
import asyncio, ssl, sys
import websockets
async def echo(socket):
    async for message in socket:
        await socket.send([message[:10], message[10:]] if len(message) > 20 else message)
        if message == 'bye':
            await socket.close(4001, 'as you wish')
async def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    async with websockets.serve(echo, '127.0.0.1', 0, ssl=context, ping_interval=.1) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
'''

LIBRARY_CLIENT = '''
import asyncio, json, sys
import websockets
async def main():
    async with websockets.connect(f'{sys.argv[2]}://a.test:{sys.argv[1]}/', ping_interval=.1) as socket:
        seen = [[one.name for one in socket.protocol.extensions]]
        for message in ('hello', 'x' * 70000, b'\\x00' * 300, ['in ', 'parts', ' of ', 'several sizes']):
            await socket.send(message)
            came = await socket.recv()
            whole = message if isinstance(message, (str, bytes)) else ''.join(message)
            seen.append(came == whole)
        await (await socket.ping())
        await asyncio.sleep(.3)
        await socket.send('bye')
        seen.append(await socket.recv())
        try:
            await socket.recv()
        except websockets.ConnectionClosed as error:
            seen.append([error.rcvd.code, error.rcvd.reason])
        print(json.dumps(seen))
asyncio.run(main())
'''


def echo(peer):
    """Messages come back in two fragments, a Ping between them, until a Close."""
    while True:
        kind, data = peer.message()
        if kind == ws.CLOSE:
            peer.send(ws.CLOSE, data)
            return
        peer.send(kind, data[:len(data) // 2], fin=False)
        peer.send(ws.PING, b'there?')
        peer.send(ws.CONTINUATION, data[len(data) // 2:])


class Rig(support.Tests):
    def setUp(self):
        super().setUp()
        if shutil.which('openssl') is None:
            self.skipTest('there is no openssl here')
        self.root, self.pem = make_authority(self.make_folder('tls'), 'a.test')
        shutil.copy(ws.__file__, self.make_folder('lib'))
        self.events = []

    def serve(self, handle, tls=False, more=''):
        def talk(connection):
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.pem)
                connection = context.wrap_socket(connection, server_side=True)
            return handle(ws.accept(connection, more))
        return Server(talk)

    def box(self, mounts=(), **rule):
        self.events.clear()
        box = self.sandbox({'network': {'rules': [{'host': 'a.test', **rule}], 'hosts': {'a.test': '127.0.0.1'},
                                        'allow_private': ['127.0.0.1'], 'ca_file': str(self.root)},
                            'vfs': {'direct_mounts': {'/tmp/lib': {'host_path': f'{self.folder}/lib', 'readonly': True},
                                                      **dict(mounts)}}})
        box.on_event(lambda event: self.events.append(event['network']) if event['type'] == 'network' else None)
        return box

    def inside(self, box, port, script, tls=False, prelude=INSIDE, **options):
        done = box.exec([PYTHON, '-c', prelude + script, str(port), 'wss' if tls else 'ws'], **options)
        self.assertEqual(done['exit_code'], 0, done)
        return [json.loads(line) for line in done['stdout'].splitlines()]

    def told(self, **facts):
        """The event of the end of a WebSocket that has @facts."""
        def found():
            return [event for event in list(self.events) if 'websocket' in event and facts.items() <= event.items()]
        self.assertTrue(eventually(found), (facts, self.events))
        return found()[-1]


@as_root_and_user
class Frames(Rig):
    def test_they_pass(self):
        for tls in (False, True):
            with self.subTest(tls=tls), self.serve(echo, tls) as server:
                shown = self.inside(self.box(), server.port, '''
peer = client()
for payload in (b'hello', b'', b'x' * 126, b'y' * 70000):
    peer.send(ws.BINARY, payload)
    kind, data = peer.message()
    show([kind, data == payload])
peer.send(ws.TEXT, b'in ', fin=False)
peer.send(ws.PONG, b'unasked')
peer.send(ws.CONTINUATION, b'two')
show(peer.message())
peer.send(ws.CLOSE, ws.code(4321, b'done'))
show(peer.message())
''', tls)
                self.assertEqual(shown, [[2, True]] * 4 + [[1, 'in two'], [8, '\x10\xe1done']])
                fact = self.told()
                self.assertEqual(fact['websocket'], {
                    'sent': {'messages': 5, 'frames': 8, 'bytes': 5 + 126 + 70000 + 6, 'close_code': 4321},
                    'received': {'messages': 5, 'frames': 16, 'bytes': 5 + 126 + 70000 + 6, 'close_code': 4321}}, fact)
                self.assertEqual((fact['blocked'], fact['status_code'], fact['rule']), (False, 101, 'rules[0]'))

    def test_octet_by_octet(self):
        with self.serve(echo) as server:
            shown = self.inside(self.box(), server.port, '''
peer = client()
peer.flow.setsockopt(6, 1, 1)  # TCP_NODELAY
for octet in ws.frame(ws.TEXT, b'slowly' * 30, masked=True):
    peer.flow.sendall(bytes([octet]))
    time.sleep(.001)
show(peer.message())
''')
        self.assertEqual(shown, [[1, 'slowly' * 30]])

    def test_what_is_none(self):
        """Ends the connection; the event says why."""
        rows = (("peer.send(ws.TEXT, b'x', masked=False)", "the program's WebSocket frame is not masked"),
                ("peer.send(3, b'x')", "the program's WebSocket frame is of a kind that does not exist"),
                ("peer.send(ws.TEXT, b'x', bits=ws.RSV1)", "the program's WebSocket frame has a reserved bit set"),
                ("peer.send(ws.TEXT, b'x', form=8)", "the program's WebSocket frame writes its length longer than needed"),
                ("peer.send(ws.PING, b'x' * 126)", "the program's WebSocket control frame is longer than 125 octets"),
                ("peer.send(ws.CLOSE, b'x')", "the program's WebSocket Close has half a code"),
                ("peer.flow.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')",
                 "the program's WebSocket frame is of a kind that does not exist"))
        for tls in (False, True):
            with self.serve(lambda peer: peer.read(), tls) as server:
                box = self.box()
                for script, why in rows:
                    with self.subTest(why, tls=tls):
                        self.events.clear()
                        shown = self.inside(box, server.port, f'peer = client()\n{script}\nshow(fate(peer))', tls)
                        self.assertEqual(shown, ['ConnectionResetError'])
                        fact = self.told()
                        self.assertEqual((fact['reason'], fact['blocked'], fact['websocket']['sent']['frames']), (why, False, 0))
                        self.assertTrue(eventually(lambda why=why: any(
                            event['method'] == 'CONNECT' and event['blocked'] and event['reason'] == why
                            for event in list(self.events))), self.events)
            self.assertTrue(all(isinstance(one, OSError) for one in server.results), server.results)

    def test_what_is_none_of_the_servers(self):
        for octets, why in ((ws.frame(ws.TEXT, b'x', masked=True), "the server's WebSocket frame is masked"),
                            (ws.frame(ws.CONTINUATION, b'x'), "the server's WebSocket frame continues no message"),
                            (ws.frame(ws.CLOSE, ws.code(1005)), "the server's WebSocket Close has a code that none may have")):
            def answer(peer, octets=octets):
                time.sleep(.1)
                peer.flow.sendall(octets)
                return peer.read()
            with self.subTest(why), self.serve(answer) as server:
                self.assertEqual(self.inside(self.box(), server.port, 'show(fate(client()))'), ['ConnectionResetError'])
                self.assertEqual(self.told()['reason'], why)

    def test_compressed(self):
        """Only if both sides agreed on it."""
        extension = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'
        for asked, agreed, fate in ((extension, extension, [1 | ws.RSV1, 'zip']), (extension, '', 'ConnectionResetError'),
                                    ('', extension, 'ConnectionResetError')):
            def answer(peer):
                got = peer.read()
                peer.send(ws.TEXT, got.payload, bits=ws.RSV1)
                return peer.read()
            with self.subTest(asked=asked, agreed=agreed), self.serve(answer, more=agreed) as server:
                shown = self.inside(self.box(), server.port, f'''
peer = client(more={asked!r})
peer.send(ws.TEXT, b'zip', bits=ws.RSV1)
try:
    got = peer.read()
    show([got.opcode, got.payload])
except OSError as error: show(type(error).__name__)
''')
                self.assertEqual(shown, [fate])


@as_root_and_user
class Caps(Rig):
    def capped(self, script, why, handle=echo, tls=False, **caps):
        with self.serve(handle, tls) as server:
            box = self.box(caps=caps)
            shown = self.inside(box, server.port, script, tls)
            fact = self.told(reason=why, blocked=True, rule='rules[0]')
        return shown, fact

    def test_messages_that_are_too_long(self):
        why = "the program's WebSocket message is longer than message_bytes of its rule"
        for tls in (False, True):
            for parts in ([1025], [1000, 25], [1, 1024]):
                with self.subTest(parts=parts, tls=tls):
                    shown, fact = self.capped(f'''
peer = client()
peer.send(ws.BINARY, b'x' * 1024)
show(len(peer.message()[1]))
parts = {parts}
for i, part in enumerate(parts):
    peer.send(ws.CONTINUATION if i else ws.BINARY, b'evil' * (part // 4) + b'!' * (part % 4), fin=i == len(parts) - 1)
    time.sleep(.1)
show(fate(peer))
''', why, tls=tls, message_bytes='1k')
                    self.assertEqual(shown, [1024, 'ConnectionResetError'])
                    self.assertEqual(fact['websocket']['sent']['messages'], 1)

    def test_messages_of_the_server(self):
        def answer(peer):
            peer.send(ws.TEXT, b'x' * 100)
            peer.read()
            peer.send(ws.TEXT, b'x' * 101)
            return peer.read()
        shown, fact = self.capped('''
peer = client()
show(len(peer.message()[1]))
peer.send(ws.TEXT, b'more')
show(fate(peer))
''', "the server's WebSocket message is longer than message_bytes of its rule", answer, message_bytes=100)
        self.assertEqual(shown, [100, 'ConnectionResetError'])
        self.assertEqual(fact['websocket']['received'], {'messages': 1, 'frames': 1, 'bytes': 100})

    def test_messages_that_are_too_many(self):
        """Of a rule, whatever connection they are on."""
        why = "the program's WebSocket messages are more than messages_per_minute of its rule"
        shown, fact = self.capped('''
one, two = client(), client()
for peer in (one, two, one, two):
    peer.send(ws.TEXT, b'a', fin=False)
    peer.send(ws.CONTINUATION, b'b')
    peer.message()
one.send(ws.TEXT, b'evil')
show(fate(one))
two.send(ws.CLOSE)
show(two.message())
''', why, messages_per_minute=4)
        self.assertEqual(shown[0], 'ConnectionResetError')
        self.assertEqual(shown[1], [8, ''])

    def test_octets(self):
        """Those of a body count all, frames' heads included."""
        shown, fact = self.capped('''
peer = client()
peer.send(ws.TEXT, b'x' * 94)  # and 6 of the head
show(len(peer.message()[1]))
peer.send(ws.PING)
show(fate(peer))
''', "the request's body is longer than request_bytes of its rule", request_bytes=100)
        self.assertEqual(shown, [94, 'ConnectionResetError'])

    def test_why(self):
        path = self.make_file('i.json', json.dumps({'network': {'rules': [{'host': 'a.test', 'caps': {'message_bytes': 3}}]}}))
        with self.serve(echo) as server:
            vm_id = self.start('-c', path, '--allow-private', '127.0.0.1', '--add-host', 'a.test:127.0.0.1',
                               '-v', f'{self.folder}/lib:/tmp/lib:ro')
            done = self.immure('exec', vm_id, PYTHON, '-c', INSIDE + "peer = client()\npeer.send(ws.TEXT, b'evil')\nfate(peer)",
                               str(server.port), 'ws')
            self.assert_code(done, 0)
            self.assertTrue(eventually(lambda: 'message_bytes of its rule' in self.immure('why', vm_id).text))
            self.immure('kill', vm_id)

    def test_settings(self):
        for rule, why in (({'tls': 'passthrough', 'caps': {'message_bytes': 1}}, 'tls: would go round message_bytes'),
                          ({'raw': True, 'caps': {'messages_per_minute': 1}}, 'raw: would go round message_bytes'),
                          ({'caps': {'message_bytes': 0}}, 'caps.message_bytes: 0 is impossible: must be 1 to 1P'),
                          ({'caps': {'messages_per_minute': 1000001}}, 'caps.messages_per_minute: 1000001 is impossible')):
            with self.subTest(why):
                path = self.make_file('i.json', json.dumps({'network': {'rules': [{'host': 'a.test', **rule}]}}))
                done = self.run_in('true', options=('--config', path))
                self.assert_code(done, support.OURS)
                self.assertIn(f'network.rules[0].{why}', done.errors)


@as_root_and_user
class Secrets(Rig):
    VALUE = 'sk-live-7b'

    def talk(self, handle, script, **secret):
        """Return: what @script showed, the placeholder as <KEY>; the reasons of all events."""
        self.env['KEY'] = self.VALUE
        self.events.clear()
        with self.serve(handle, True) as server:
            box = self.sandbox({'network': {
                'rules': [{'host': 'a.test'}], 'hosts': {'a.test': '127.0.0.1'}, 'allow_private': ['127.0.0.1'],
                'ca_file': str(self.root), 'secrets': {'KEY': {'env': 'KEY', 'hosts': ['a.test'], **secret}}},
                'vfs': {'direct_mounts': {'/tmp/lib': {'host_path': f'{self.folder}/lib', 'readonly': True}}}})
            box.on_event(lambda event: self.events.append(event['network']) if event['type'] == 'network' else None)
            done = box.exec([PYTHON, '-c', INSIDE + "KEY = os.environ['KEY']\n" + script, str(server.port), 'wss'])
            self.assertEqual(done['exit_code'], 0, done)
        self.assertNotIn(self.VALUE, done['stdout'] + done['stderr'])
        self.results = server.results
        return [json.loads(re.sub('IMMURE_SECRET_[0-9a-f]{32}', '<KEY>', line)) for line in done['stdout'].splitlines()]

    def test_reflected(self):
        """B4: whole, in fragments with a Ping between, in pieces of TCP, in control frames; the rest stays as it is."""
        def answer(peer):
            key = re.search(r'(?i)x-key: (\S+)', peer.head.decode()).group(1).encode()
            self.assertNotIn(b'deflate', peer.head)
            peer.send(ws.TEXT, b'<' + key + b'>')
            for i, octet in enumerate(key):
                peer.send(ws.CONTINUATION if i else ws.BINARY, bytes([octet]), fin=i == len(key) - 1)
                if i == 3:
                    peer.send(ws.PING, b'hi')
            for octet in ws.frame(ws.TEXT, key * 20):
                peer.flow.sendall(bytes([octet]))
            peer.send(ws.TEXT, key[:-1])
            peer.send(ws.BINARY, bytes(range(256)) * 1000)
            peer.send(ws.BINARY, key * 20000)
            peer.send(ws.PING, key)
            peer.send(ws.CLOSE, ws.code(4000, key))
            return key, peer.read()
        shown = self.talk(answer, '''
peer = client(more=f'X-Key: {KEY}\\r\\nSec-WebSocket-Extensions: permessage-deflate\\r\\n')
for _ in range(4): show(peer.message()[1].decode('latin-1').replace('sk-live-7', 'PART'))
show(peer.message()[1] == bytes(range(256)) * 1000)
show(peer.message()[1] == KEY.encode() * 20000)
got = peer.read()
show([got.opcode, got.payload])
show(peer.message())
peer.send(ws.CLOSE, ws.code(4000))
''')
        self.assertEqual(shown, ['<<KEY>>', '<KEY>', '<KEY>' * 20, 'PART', True, True, [9, ''], [8, '\x0f\xa0']])
        self.assertEqual(self.results[0][0], self.VALUE.encode())
        self.assertEqual(self.told()['websocket']['received']['close_code'], 4000)

    def test_a_placeholder(self):
        """In a message is refused, whatever may have secrets, however it is split; no server gets it."""
        rows = ("peer.send(ws.TEXT, KEY.encode())",
                "peer.send(ws.TEXT, KEY[:20].encode(), fin=False)\npeer.send(ws.PING)\npeer.send(ws.CONTINUATION, KEY[20:].encode())",
                "for octet in ws.frame(ws.TEXT, b'x' * 200 + KEY.encode(), masked=True): peer.flow.sendall(bytes([octet]))",
                "peer.send(ws.PING, KEY.encode())", "peer.send(ws.TEXT, KEY.replace('M', '%4d').encode())")
        for script in rows:
            came = []

            def answer(peer, came=came):
                while True:
                    came.append(peer.read().payload)
            for where in (['header'], ['body']):
                with self.subTest(script, where=where):
                    shown = self.talk(answer, f'''
peer = client()
peer.send(ws.TEXT, b'fine')
time.sleep(.1)
try:
    {script.replace(chr(10), chr(10) + '    ')}
except OSError: pass
show(fate(peer))
''', where=where)
                    self.assertEqual(shown, ['ConnectionResetError'])
                    self.assertIn('placeholder', self.told()['reason'])
                    self.assertTrue(eventually(lambda: any(event['blocked'] for event in list(self.events))), self.events)
                    self.assertNotRegex(b''.join(came), rb'IMMURE_SECRET_[0-9a-f]{32}')


@unittest.skipIf(not os.path.isdir(os.path.join(PACKAGES, 'websockets')), 'the library websockets is not installed (tests/clients/setup)')
@as_root_and_user
class Library(Rig):
    def test_both_ends(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                words = [sys.executable, '-c', LIBRARY_SERVER, *([str(self.pem)] if tls else [])]
                with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, 'PYTHONPATH': PACKAGES}, text=True) as server:
                    try:
                        port = int(server.stdout.readline())
                        box = self.box({'/mnt/python': {'host_path': PACKAGES, 'readonly': True}})
                        shown = self.inside(box, port, LIBRARY_CLIENT, tls, prelude="import sys; sys.path.insert(0, '/mnt/python')\n")
                    finally:
                        server.kill()
                self.assertEqual(shown, [[['permessage-deflate'], True, True, True, True, 'bye', [4001, 'as you wish']]])
                ways = self.told()['websocket']
                self.assertEqual((ways['sent']['messages'], ways['received']['messages']), (5, 5))
                self.assertEqual((ways['sent']['close_code'], ways['received']['close_code']), (4001, 4001))
                self.assertLess(ways['sent']['bytes'], 2000, 'compressed')

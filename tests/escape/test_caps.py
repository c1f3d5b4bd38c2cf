# SPDX-License-Identifier: Apache-2.0
"""Caps of a rule: a program that wants to send, get or ask for more than it may, in whatever way it does it.

What counts is what the server saw: of a body whose octets are all EVIL, and of requests.
"""
import json
import os
import shutil
import threading
import time
import unittest

import http2_peer as h2
import rig
from servers import Server
from support import PYTHON, as_root_and_user

HOST = 'lab.test'
EVIL = b'\xee'
CAP = 1000
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
LAST = b'0\r\n\r\n'  # what ends chunks

INSIDE = '''
import json, os, socket, struct, sys, threading, time
sys.path.insert(0, '/tmp/lib')
port = int(sys.argv[1])
head = f'Host: lab.test:{port}\\r\\n'
def connect():
    flow = socket.create_connection(('lab.test', port), 10)
    flow.settimeout(10)
    return flow
def say(flow, octets):
    """As long as it is taken, and then hear what there is."""
    try: flow.sendall(octets)
    except OSError: pass
    return hear(flow)
def hear(flow, wait=3):
    data = b''
    flow.settimeout(wait)
    try:
        while (more := flow.recv(65536)): data += more
        return data + b'<end>'
    except TimeoutError: return data + b'<open>'
    except OSError as error: return data + f'<{type(error).__name__}>'.encode()
def show(what): print(json.dumps(what, default=lambda octets: octets.decode('latin-1')), flush=True)
'''


class Watch:
    """A server of HTTP/1 that answers each head, and counts."""

    def __init__(self, answer=OK, hold_s=0.0):
        self.answer, self.hold_s = answer, hold_s
        self.lock = threading.Lock()
        self.evil = self.requests = self.now = self.most = 0
        self.data = b''

    def __call__(self, connection):
        while True:
            data = connection.recv(65536)
            if not data:
                return
            with self.lock:
                heads = data.count(b' HTTP/1.1\r\n')
                self.data += data
                self.evil += data.count(EVIL)
                self.requests += heads
                self.now += heads
                self.most = max(self.most, self.now)
            if heads:
                time.sleep(self.hold_s)
            with self.lock:
                self.now -= heads
            for _ in range(heads):
                connection.sendall(self.answer)


@as_root_and_user
class Caps(rig.Row):
    def attack(self, script, handle, **caps):
        """Return: what @script showed, a value a line."""
        path = self.make_file('rules.json', json.dumps({'network': {'rules': [{'host': HOST, 'caps': caps}]}}))
        if not os.path.exists(f'{self.folder}/lib'):
            shutil.copy(h2.__file__, self.make_folder('lib'))
        with Server(handle) as server:
            done = self.run_in(PYTHON, '-c', INSIDE + script, server.port, options=(
                '--config', path, '--allow-private', '127.0.0.1', '--add-host', f'{HOST}:127.0.0.1',
                '-v', f'{self.folder}/lib:/tmp/lib:ro'))
            self.assert_code(done, 0)
        return [json.loads(line) for line in done.text.splitlines()]

    def test_caps_chunks_of_one_octet(self):
        """Many, one, none that ends: the server gets no more than it may, and no end."""
        for name, text in (('small', "b'1\\r\\n\\xee\\r\\n' * 100000 + b'0\\r\\n\\r\\n'"),
                           ('one', "b'%x\\r\\n' % 100000 + b'\\xee' * 100000 + b'\\r\\n0\\r\\n\\r\\n'"),
                           ('one more', "b'3e8\\r\\n' + b'\\xee' * 1000 + b'\\r\\n1\\r\\n\\xee\\r\\n0\\r\\n\\r\\n'"),
                           ('announced', "b'7fffffffffffffff\\r\\n' + b'\\xee' * 100000"),
                           ('more', "b'ffffffffffffffff\\r\\n' + b'\\xee' * 100000")):
            with self.subTest(name):
                watch = Watch(b'')
                shown = self.attack(f'show(say(connect(), (f"PUT /x HTTP/1.1\\r\\n{{head}}Transfer-Encoding: '
                                    f'chunked\\r\\n\\r\\n").encode() + {text}))', watch, request_bytes=CAP)
                self.assertLessEqual(watch.evil, CAP)
                self.assertNotIn(LAST, watch.data, 'a part for the whole')
                # who sends on while it is told why may only see the reset
                self.assertRegex(shown[0], '(?s)^HTTP/1.1 413 .*cap_exceeded|^<ConnectionResetError>|<BrokenPipe')

    def test_caps_lengths(self):
        watch = Watch()
        shown = self.attack('''
for length in (1001, 10 ** 18):
    show(say(connect(), (f'PUT /x HTTP/1.1\\r\\n{head}Content-Length: {length}\\r\\n\\r\\n').encode() + b'\\xee' * 2000))
one = (f'PUT /x HTTP/1.1\\r\\n{head}Content-Length: 1000\\r\\n\\r\\n').encode() + b'\\xee' * 1000
long = (f'PUT /y HTTP/1.1\\r\\n{head}Content-Length: 1001\\r\\n\\r\\n').encode() + b'\\xee' * 1001
show(say(connect(), one * 3 + long + one))  # pipelined
''', watch, request_bytes=CAP)
        for text in shown[:2]:
            self.assertRegex(text, '^HTTP/1.1 413 |^<ConnectionResetError>')
        self.assertEqual(shown[2].count('200 OK'), 3, shown[2])
        self.assertEqual((watch.evil, watch.requests), (3 * CAP, 3))
        self.assertNotIn(b'/y', watch.data)

    def test_caps_websocket(self):
        """Is no way round: what follows counts as the body."""
        def handle(connection):
            data = connection.recv(65536)
            connection.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                               b'Sec-WebSocket-Accept: x\r\n\r\n')
            while True:
                more = connection.recv(65536)
                if not more:
                    return data
                data += more
                seen.append(more)
        seen = []
        shown = self.attack('''
flow = connect()
flow.sendall(f'GET /x HTTP/1.1\\r\\n{head}Connection: upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n'
             f'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n'.encode())
flow.recv(1000)
for i in range(100):
    try: flow.sendall(b'\\x82\\xe4\\0\\0\\0\\0' + b'\\xee' * 100)
    except OSError as error:
        show([i < 99, type(error).__name__])
        break
    time.sleep(.01)
''', handle, request_bytes=CAP)
        self.assertLessEqual(b''.join(seen).count(EVIL), CAP)
        self.assertGreater(b''.join(seen).count(EVIL), 0)
        self.assertIn(shown, ([[True, 'ConnectionResetError']], [[True, 'BrokenPipeError']]))

    def test_caps_downloads(self):
        """Of a server that says nothing of how much it sends."""
        def chunks(connection):
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + b'1\r\n\xee\r\n' * 5000 + LAST)
            connection.recv(1)

        def until_the_end(connection):
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n' + EVIL * 5000)
        for handle in (chunks, until_the_end):
            with self.subTest(handle.__name__):
                shown = self.attack("show(say(connect(), f'GET / HTTP/1.1\\r\\n{head}\\r\\n'.encode()))", handle,
                                    response_bytes=CAP)
                self.assertLessEqual(shown[0].count(EVIL.decode('latin-1')), CAP)
                self.assertTrue(shown[0].endswith('<ConnectionResetError>'), shown[0][-100:])

    def test_caps_rates(self):
        """By pipelining, by many connections, by asking and leaving."""
        for name, script in (('pipelined', "say(connect(), f'GET / HTTP/1.1\\r\\n{head}\\r\\n'.encode() * 100)"),
                             ('connections', "for _ in range(100): say_one()"),
                             ('at once', "threads = [threading.Thread(target=say_one) for _ in range(100)]\n"
                                         "for one in threads: one.start()\nfor one in threads: one.join()"),
                             ('leaving', "for _ in range(100):\n    flow = connect(); flow.sendall("
                                         "f'GET / HTTP/1.1\\r\\n{head}\\r\\n'.encode()); flow.close()")):
            with self.subTest(name):
                watch = Watch()
                self.attack(f'''
def say_one():
    flow = connect()
    flow.sendall(f'GET / HTTP/1.1\\r\\n{{head}}Connection: close\\r\\n\\r\\n'.encode())
    hear(flow)
{script}
time.sleep(.3)
''', watch, requests_per_minute=7)
                self.assertLessEqual(watch.requests, 7)
                self.assertGreater(watch.requests, 0)

    def test_caps_at_once(self):
        watch = Watch(hold_s=0.2)
        shown = self.attack('''
seen = []
def say_one():
    flow = connect()
    flow.sendall(f'GET / HTTP/1.1\\r\\n{head}Connection: close\\r\\n\\r\\n'.encode())
    seen.append(hear(flow).split()[1].decode())
threads = [threading.Thread(target=say_one) for _ in range(50)]
for one in threads: one.start()
for one in threads: one.join()
show(sorted(set(seen)))
''', watch, concurrency=3)
        self.assertLessEqual(watch.most, 3)
        self.assertEqual(shown, [['200', '429']])

    @unittest.skipIf(h2.library() is None, 'there is no libnghttp2 here')
    def test_caps_of_streams(self):
        seen = {'evil': 0, 'ended': 0, 'heads': 0, 'now': 0, 'most': 0}

        def handle(connection):
            peer = h2.Peer(connection, False, settings=((3, 200),))
            try:
                while True:
                    got = peer.read()
                    seen['heads'] += got.type == h2.HEADERS
                    if got.type == h2.DATA:
                        seen['evil'] += got.payload.count(EVIL)
                        seen['ended'] += got.flags & h2.END_STREAM
                        peer.credit(got.stream, len(got.payload))
            except OSError:
                return
        script = '''
import http2_peer as h2
peer = h2.client('lab.test', port)
statuses = {}
for i in range(40):
    peer.headers(2 * i + 1, h2.request('lab.test', port, '/', 'PUT'))
    for _ in range(11): peer.data(2 * i + 1, b'\\xee' * 100, end=False)
try:
    while len(statuses) < 40:
        got = peer.read()
        if got.type == h2.HEADERS: statuses[got.stream] = dict(got.fields)[':status']
except OSError as error: statuses['error'] = type(error).__name__
show(sorted(set(statuses.values())))
'''
        self.assertEqual(self.attack(script, handle, request_bytes=CAP), [['413']])
        self.assertLessEqual(seen['evil'], 40 * CAP)
        self.assertEqual(seen['ended'], 0, 'a part for the whole')
        seen.update(evil=0, heads=0)
        shown = self.attack(script, handle, request_bytes=CAP, requests_per_minute=5)
        self.assertEqual(shown, [['413', '429']])
        self.assertLessEqual(seen['heads'], 5)
        self.assertLessEqual(seen['evil'], 5 * CAP)

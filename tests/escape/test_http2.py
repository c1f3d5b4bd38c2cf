# SPDX-License-Identifier: Apache-2.0
"""Row A30: what is too much over HTTP/2, from a program or from a server, is bounded, and harms no other flow."""
import json
import os
import shutil
import struct
import unittest

import http2_peer as h2
import rig
import support
from servers import Server
from support import PYTHON, as_root_and_user

HOST = 'lab.test'
OPTIONS = ('--allow-private', '127.0.0.1', '--add-host', f'{HOST}:127.0.0.1', '--allow-host', HOST)
CALM = 11  # ENHANCE_YOUR_CALM, RFC 9113 section 7
ENDED = (CALM, 'ConnectionResetError', 'BrokenPipeError', 'ConnectionError')  # who does not read may not see GOAWAY
MIB_MAX = 64

INSIDE = '''
import json, os, socket, struct, sys, time
sys.path.insert(0, '/tmp/lib')
import http2_peer as h2
host, port = 'lab.test', int(sys.argv[1])
def ask(path='/', **more): return h2.request(host, port, path, **more)
def show(what): print(json.dumps(what), flush=True)
def send_all(peer, octets):
    """Without reading, as long as it is taken."""
    peer.socket.settimeout(3)
    try: peer.send(octets)
    except OSError as error: return type(error).__name__
    finally: peer.socket.settimeout(20)
    return 'taken'
def outcome(peer):
    """What ends the connection: the code of GOAWAY, or how it broke."""
    while True:
        try: got = peer.read()
        except OSError as error: return type(error).__name__
        if got.type == h2.GOAWAY and struct.unpack('>II', got.payload[:8])[1] != 0:
            return struct.unpack('>II', got.payload[:8])[1]
def another():
    """Another flow, unharmed?"""
    peer = h2.client(host, port)
    peer.headers(1, ask('/other'), end=True)
    heads, body, code = peer.response(1)
    show([dict(heads[0])[':status'], body.decode(), code])
peer = h2.client(host, port)
head = h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 1, h2.encode(ask()))
'''


def answer_all(connection):
    """A server; it returns how many requests it saw."""
    peer, seen = h2.Peer(connection, False), 0
    try:
        while True:
            got = peer.read()
            if got.type == h2.HEADERS:
                seen += 1
            if got.type == h2.HEADERS and got.flags & h2.END_STREAM:
                peer.headers(got.stream, [(':status', '200')])
                peer.data(got.stream, dict(got.fields)[':path'].encode())
    except OSError:
        return seen


class Rig(rig.Row):
    def attack(self, script, handle=answer_all):
        """Return: what @script showed, and the octets of memory that the gateway had then."""
        if not os.path.exists(f'{self.folder}/lib'):
            shutil.copy(h2.__file__, self.make_folder('lib'))
        with Server(handle) as server:
            process = self.popen('run', *OPTIONS, '-v', f'{self.folder}/lib:/tmp/lib:ro', '--', PYTHON, '-c',
                                 INSIDE + script + 'another()\nshow("end")\ntime.sleep(60)\n', str(server.port))
            shown = []
            while not shown or shown[-1] != 'end':
                shown.append(json.loads(self.started(process, 30)))
            gateway = [pid for pid in support.descendants(process.pid)
                       if 'immure-gateway' in support.command_line(pid)]
            self.assertEqual(len(gateway), 1, 'the gateway that was attacked lives on')
            mib = support.resident_mib(gateway[0])
            self.end(process)
        self.assertLess(mib, MIB_MAX)
        self.assertEqual(shown[-2], ['200', '/other', None], 'another flow is unharmed')
        self.seen = [count for count in server.results if isinstance(count, int)]
        return shown[:-2]


@unittest.skipIf(h2.library() is None, 'there is no libnghttp2 here')
@as_root_and_user
class FromPrograms(Rig):
    def test_A30_rapid_reset(self):
        shown = self.attack('''
send_all(peer, b''.join(h2.frame(h2.HEADERS, 5, 2 * i + 1, h2.encode(ask())) + h2.frame(h2.RST_STREAM, 0, 2 * i + 1, bytes(4))
                        for i in range(20000)))
show(outcome(peer))
''')
        self.assertIn(shown[0], ENDED)
        self.assertLess(max(self.seen), 1000)

    def test_A30_resets_that_the_program_provokes(self):
        """By frames that have us reset the stream (MadeYouReset)."""
        shown = self.attack('''
send_all(peer, b''.join(h2.frame(h2.HEADERS, 5, 2 * i + 1, h2.encode(ask())) + h2.frame(h2.WINDOW_UPDATE, 0, 2 * i + 1, bytes(4))
                        for i in range(20000)))
show(outcome(peer))
''')
        self.assertIn(shown[0], (*ENDED, 1))
        self.assertLess(max(self.seen), 1000)

    def test_A30_bomb_of_HPACK(self):
        """One entry of the table, named 16,000 times by one octet each: 64 MB."""
        shown = self.attack('''
entry = b'\\x40' + h2.literal('x') + h2.literal('v' * 3900)
for i in range(20):
    block = h2.encode(ask()) + (entry if i == 0 else b'') + b'\\xbe' * 12000
    peer.send(h2.frame(h2.HEADERS, 5, 2 * i + 1, block))
    heads, body, code = peer.response(2 * i + 1)
    if i == 0: show(dict(heads[0])[':status'])
''')
        self.assertEqual(shown, ['431'])

    def test_A30_flood_of_continuations(self):
        shown = self.attack('''
part = h2.encode([('x', 'y' * 1000)])
send_all(peer, h2.frame(h2.HEADERS, 1, 1, h2.encode(ask())) + h2.frame(h2.CONTINUATION, 0, 1, part) * 100000)
show(outcome(peer))
''')
        self.assertNotEqual(shown[0], 0)

    def test_A30_empty_continuations(self):
        self.attack('''
send_all(peer, h2.frame(h2.HEADERS, 1, 1, h2.encode(ask())) + h2.frame(h2.CONTINUATION, 0, 1) * 1000000)
show(outcome(peer))
''')

    def test_A30_floods_of_settings_and_pings(self):
        """Without reading what answers them; and reading it."""
        for octets in ("h2.frame(h2.SETTINGS, 0, 0)", "h2.frame(h2.SETTINGS, 0, 0, bytes((0, 4, 0, 0, 1, 0)))",
                       "h2.frame(h2.PING, 0, 0, bytes(8))"):
            with self.subTest(octets):
                shown = self.attack(f'send_all(peer, {octets} * 1000000)\nshow(outcome(peer))\n')
                self.assertIn(shown[0], ENDED)

    def test_A30_flood_of_empty_data(self):
        shown = self.attack('''
peer.headers(1, ask(method='POST'))
send_all(peer, h2.frame(h2.DATA, 0, 1) * 1000000)
show(outcome(peer))
''')
        self.assertIn(shown[0], ENDED)

    def test_A30_loops_of_dependencies(self):
        """Priorities are not looked at."""
        self.attack('''
octets = b''.join(h2.frame(h2.PRIORITY, 0, a, struct.pack('>IB', b, 255)) for i in range(400)
                  for a, b in ((2 * i + 1, 2 * i + 3), (2 * i + 3, 2 * i + 1)))
send_all(peer, octets)
peer.headers(2001, ask(), end=True)
peer.response(2001)
''')

    def test_A30_too_many_streams(self):
        shown = self.attack('''
for i in range(300): peer.headers(2 * i + 1, ask(method='POST'))
try:
    codes = []
    while len(codes) < 100:
        got = peer.read()
        if got.type == h2.RST_STREAM: codes.append(struct.unpack('>I', got.payload)[0])
    show(sorted(set(codes)))
except OSError: show('ended')
''')
        self.assertIn(shown[0], ([7], 'ended'))  # REFUSED_STREAM
        self.assertLessEqual(max(self.seen), 100)

    def test_A30_windows(self):
        """Too much credit, none at all, of no stream; settings that are out of range."""
        self.attack('''
rows = [h2.frame(h2.WINDOW_UPDATE, 0, 0, struct.pack('>I', h2.LARGE)) * 3, h2.frame(h2.WINDOW_UPDATE, 0, 0, bytes(4)),
        h2.frame(h2.WINDOW_UPDATE, 0, 99, struct.pack('>I', 1)), h2.frame(h2.SETTINGS, 0, 0, struct.pack('>HI', 4, 1 << 31)),
        h2.frame(h2.SETTINGS, 0, 0, struct.pack('>HI', 5, 1)), h2.frame(h2.SETTINGS, 0, 0, bytes(5)),
        h2.frame(h2.DATA, 0, 0, b'x'), h2.frame(h2.DATA, 8, 1, b'\\xff'), h2.frame(h2.RST_STREAM, 0, 0, bytes(4)),
        h2.frame(h2.RST_STREAM, 0, 77, bytes(4)), h2.frame(h2.PUSH, 4, 1, bytes(4)), h2.frame(h2.CONTINUATION, 4, 1, b''),
        h2.frame(h2.HEADERS, 5, 2, h2.encode(ask())), h2.frame(h2.HEADERS, 5, 1, b'\\xff' * 40),
        h2.frame(h2.HEADERS, 5, 1, b'\\x3f\\xe1\\xff\\x03'), b'\\xff' * 9 + bytes(100), h2.frame(h2.GOAWAY, 0, 0, bytes(3)),
        h2.frame(h2.HEADERS, 13, 1, b'\\xff')]
for row in rows:
    peer = h2.client(host, port)
    peer.headers(1, ask(), end=True) if row[3] not in (1,) else None
    send_all(peer, row)
    show(outcome(peer))
'''.replace("show(outcome(peer))\n", "peer.socket.shutdown(1); outcome(peer)\n"))


def hostile(octets):
    """A server that answers any path but /other by @octets(stream)."""
    def handle(connection):
        peer = h2.Peer(connection, False)
        got = peer.read()
        if dict(got.fields)[':path'] == '/other':
            peer.headers(got.stream, [(':status', '200')])
            peer.data(got.stream, b'/other')
        else:
            peer.send(octets(got.stream))
        while True:
            peer.read()
    return handle


ONE = '''
peer.headers(1, ask(), end=True)
try:
    heads, body, code = peer.response(1)
    show([dict(heads[0])[':status'] if heads else None, code])
except OSError as error: show([None, type(error).__name__])
'''


@unittest.skipIf(h2.library() is None, 'there is no libnghttp2 here')
@as_root_and_user
class FromServers(Rig):
    def of(self, octets):
        return self.attack(ONE, hostile(octets))[0]

    def test_A30_pushes(self):
        promise = struct.pack('>I', 2) + h2.encode(h2.request(HOST, 1))
        self.assertEqual(self.of(lambda stream: h2.frame(h2.PUSH, 4, stream, promise))[0], '502')

    def test_A30_heads_that_are_malformed(self):
        for fields in ([('x', 'y')], [(':status', '101')], [(':status', '200'), ('connection', 'close')],
                       [(':status', '200'), ('X', 'y')], [(':status', '200'), ('x', 'a\r\nb: c')],
                       [(':status', '200'), ('content-length', '-1')], [(':status', '200')] + [('x', 'y')] * 200):
            with self.subTest(fields[:2]):
                self.assertEqual(self.of(lambda stream, fields=fields: h2.frame(
                    h2.HEADERS, 5, stream, h2.encode(fields))), ['502', None])

    def test_A30_floods(self):
        ok = h2.encode([(':status', '200')])
        rows = {'continuations': lambda stream: h2.frame(h2.HEADERS, 1, stream, ok) + h2.frame(
                    h2.CONTINUATION, 0, stream, h2.encode([('x', 'y' * 1000)])) * 10000,
                'settings': lambda stream: h2.frame(h2.SETTINGS, 0, 0) * 20000,
                'pings': lambda stream: h2.frame(h2.PING, 0, 0, bytes(8)) * 100000,
                'interim responses': lambda stream: h2.frame(h2.HEADERS, 4, stream, h2.encode([(':status', '103')])) * 5000 + h2.frame(
                    h2.HEADERS, 5, stream, ok),
                'empty data': lambda stream: h2.frame(h2.HEADERS, 4, stream, ok) + h2.frame(h2.DATA, 0, stream) * 20000}
        for name, octets in rows.items():
            with self.subTest(name):
                status, code = self.of(octets)
                self.assertIn(status, (None, '502', '103', '200'))
                self.assertFalse(status in (None, '200') and code is None, 'no response that looks whole')

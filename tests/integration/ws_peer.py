# SPDX-License-Identifier: Apache-2.0
"""One end of a WebSocket (RFC 6455), frame by frame, for tests on either side of the wall; it can misbehave."""
import base64
import collections
import hashlib
import os
import socket
import ssl
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1 = 0x40

Frame = collections.namedtuple('Frame', 'opcode fin payload')


def frame(opcode, payload=b'', fin=True, masked=False, bits=0, form=None):
    """@bits: further ones of the first octet; @form: octets of the length: 0, 2, 8; None: as few as may be."""
    length = len(payload)
    if form is None:
        form = 0 if length < 126 else 2 if length < 65536 else 8
    head = bytes([opcode | bits | (0x80 if fin else 0),
                  (0x80 if masked else 0) | {0: length, 2: 126, 8: 127}[form]])
    head += {0: b'', 2: struct.pack('>H', length & 0xffff), 8: struct.pack('>Q', length)}[form]
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask(payload, key)


def mask(payload, key):
    whole = key * (len(payload) // 4 + 1)
    return (int.from_bytes(payload, 'big') ^ int.from_bytes(whole[:len(payload)], 'big')).to_bytes(len(payload), 'big')


def code(number, reason=b''):
    """What a Close has to say."""
    return struct.pack('>H', number) + reason


class Peer:
    def __init__(self, flow, is_client):
        self.flow, self.is_client = flow, is_client
        self.head = b''  # of the other side's HTTP
        self._left = b''

    def _take(self, count):
        while len(self._left) < count:
            more = self.flow.recv(65536)
            if not more:
                raise ConnectionError('the end')
            self._left += more
        data, self._left = self._left[:count], self._left[count:]
        return data

    def read_head(self):
        while not self.head.endswith(b'\r\n\r\n'):
            self.head += self._take(1)
        return self.head.decode('latin-1')

    def send(self, opcode, payload=b'', **options):
        self.flow.sendall(frame(opcode, payload, **{'masked': self.is_client, **options}))

    def read(self):
        first, second = self._take(2)
        length = second & 0x7f
        if length > 125:
            length = int.from_bytes(self._take(2 if length == 126 else 8), 'big')
        key = self._take(4) if second & 0x80 else None
        payload = self._take(length)
        return Frame(first & 0x7f, bool(first & 0x80), payload if key is None else mask(payload, key))

    def message(self):
        """The next one, whole. Pings and pongs are left out; a Close is one."""
        data, kind = b'', None
        while True:
            got = self.read()
            if got.opcode in (PING, PONG):
                continue
            kind = kind or got.opcode
            data += got.payload
            if got.fin:
                return kind, data


def client(host, port, path='/ws', tls=False, more=''):
    flow = socket.create_connection((host, port), 10)
    if tls:
        flow = ssl.create_default_context().wrap_socket(flow, server_hostname=host, suppress_ragged_eofs=False)
    flow.settimeout(10)
    key = base64.b64encode(os.urandom(16)).decode()
    flow.sendall(f'GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                 f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{more}\r\n'.encode())
    peer = Peer(flow, True)
    peer.read_head()
    return peer


def accept(flow, more=''):
    """The server's end: it agrees. @more: fields"""
    peer = Peer(flow, False)
    fields = dict(line.split(': ', 1) for line in peer.read_head().lower().splitlines()[1:] if ': ' in line)
    key = next(line.split(': ', 1)[1] for line in peer.read_head().splitlines() if line.lower().startswith('sec-websocket-key'))
    answer = base64.b64encode(hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()).decode()
    assert fields['upgrade'] == 'websocket', fields
    flow.sendall(f'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                 f'Sec-WebSocket-Accept: {answer}\r\n{more}\r\n'.encode())
    return peer

# SPDX-License-Identifier: Apache-2.0
"""One end of an HTTP/2 connection, frame by frame, for tests on either side of the wall; it can misbehave.

Fields are written as literals that no table keeps (RFC 7541 section 6.2.2); nghttp2, which curl needs as
well, decodes those that come.
"""
import collections
import ctypes
import ctypes.util
import socket
import ssl
import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
LARGE = 0x7fffffff

Frame = collections.namedtuple('Frame', 'type flags stream payload fields')


class Field(ctypes.Structure):
    _fields_ = [('name', ctypes.POINTER(ctypes.c_uint8)), ('value', ctypes.POINTER(ctypes.c_uint8)),
                ('name_len', ctypes.c_size_t), ('value_len', ctypes.c_size_t), ('flags', ctypes.c_uint8)]


def library():
    """nghttp2, or None."""
    try:
        return ctypes.CDLL(ctypes.util.find_library('nghttp2') or 'libnghttp2.so.14')
    except OSError:
        return None


class Inflater:
    def __init__(self):
        self._lib = library()
        self._state = ctypes.c_void_p()
        self._lib.nghttp2_hd_inflate_new(ctypes.byref(self._state))
        self._lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t

    def fields(self, block):
        found, at, field, flags = [], 0, Field(), ctypes.c_int(0)
        while True:
            n = self._lib.nghttp2_hd_inflate_hd2(self._state, ctypes.byref(field), ctypes.byref(flags),
                                                 block[at:], ctypes.c_size_t(len(block) - at), 1)
            if n < 0:
                raise ValueError('HPACK')
            at += n
            if flags.value & 2:
                found.append((ctypes.string_at(field.name, field.name_len).decode('latin-1'),
                              ctypes.string_at(field.value, field.value_len).decode('latin-1')))
            if flags.value & 1 or (at == len(block) and not flags.value & 2):
                self._lib.nghttp2_hd_inflate_end_headers(self._state)
                return found


def integer(value, bits):
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    text, value = bytes([most]), value - most
    while value >= 128:
        text, value = text + bytes([value & 127 | 128]), value >> 7
    return text + bytes([value])


def literal(text):
    octets = text.encode('latin-1')
    return integer(len(octets), 7) + octets


def encode(fields):
    return b''.join(b'\0' + literal(name) + literal(value) for name, value in fields)


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + struct.pack('>BBI', kind, flags, stream) + payload


class Peer:
    """@settings: pairs. @window: give credit for all that comes."""

    def __init__(self, connection, client, settings=(), window=True):
        self.socket, self.window = connection, window
        self.left, self.inflater, self.block = b'', Inflater(), b''
        self.other = {}  # settings of the other side
        if not client:
            assert self._exactly(len(PREFACE)) == PREFACE
        self.send((PREFACE if client else b'') + frame(
            SETTINGS, 0, 0, b''.join(struct.pack('>HI', key, value) for key, value in settings)))

    def send(self, octets):
        self.socket.sendall(octets)

    def headers(self, stream, fields, end=False):
        block = encode(fields)
        first, rest = block[:16384], block[16384:]
        flags = (END_STREAM if end else 0) | (0 if rest else END_HEADERS)
        octets = frame(HEADERS, flags, stream, first)
        while rest:
            part, rest = rest[:16384], rest[16384:]
            octets += frame(CONTINUATION, 0 if rest else END_HEADERS, stream, part)
        self.send(octets)

    def data(self, stream, octets=b'', end=True):
        parts = [octets[i:i + 16384] for i in range(0, len(octets), 16384)] or [b'']
        for i, part in enumerate(parts):
            self.send(frame(DATA, END_STREAM if end and i == len(parts) - 1 else 0, stream, part))

    def reset(self, stream, code):
        self.send(frame(RST_STREAM, 0, stream, struct.pack('>I', code)))

    def credit(self, stream, octets):
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack('>I', octets)))

    def _exactly(self, count):
        while len(self.left) < count:
            octets = self.socket.recv(1 << 16)
            if not octets:
                raise ConnectionError('closed')
            self.left += octets
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def _next(self):
        head = self._exactly(9)
        size = int.from_bytes(head[:3], 'big')
        kind, flags, stream = struct.unpack('>BBI', head[3:])
        return kind, flags, stream & LARGE, self._exactly(size)

    def read(self):
        """The next frame that is about streams, or GOAWAY; settings and pings are answered."""
        while True:
            kind, flags, stream, payload = self._next()
            if kind == SETTINGS and not flags & ACK:
                self.other.update(struct.iter_unpack('>HI', payload))
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, payload))
            elif kind in (HEADERS, CONTINUATION):
                whole = payload[5:] if kind == HEADERS and flags & 0x20 else payload
                self.block = whole if kind == HEADERS else self.block + whole
                self.begun = flags if kind == HEADERS else self.begun
                if flags & END_HEADERS:
                    return Frame(HEADERS, self.begun, stream, b'', self.inflater.fields(self.block))
            elif kind == DATA:
                if self.window and payload:
                    self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack('>I', len(payload))) +
                              frame(WINDOW_UPDATE, 0, stream, struct.pack('>I', len(payload))))
                return Frame(DATA, flags, stream, payload, None)
            elif kind in (RST_STREAM, GOAWAY):
                return Frame(kind, flags, stream, payload, None)

    def response(self, stream):
        """Until the stream ends. Return: heads, body, code of the reset or None; others' frames are lost."""
        heads, body = [], b''
        while True:
            got = self.read()
            if got.type == GOAWAY:
                return heads, body, ('goaway', struct.unpack('>II', got.payload[:8])[1])
            if got.stream != stream:
                continue
            if got.type == RST_STREAM:
                return heads, body, struct.unpack('>I', got.payload)[0]
            if got.type == HEADERS:
                heads.append(got.fields)
            body += got.payload
            if got.flags & END_STREAM:
                return heads, body, None


def client(host, port, tls=None, **options):
    """@tls: the protocols to offer; it opens TLS and trusts what is trusted here."""
    connection = socket.create_connection((host, port), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        context = ssl.create_default_context()
        if tls:
            context.set_alpn_protocols(tls)
        connection = context.wrap_socket(connection, server_hostname=host)
    return Peer(connection, True, **options)


def request(host, port, path='/', method='GET', scheme='http', more=()):
    return [(':method', method), (':scheme', scheme), (':authority', f'{host}:{port}'), (':path', path), *more]

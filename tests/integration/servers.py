# SPDX-License-Identifier: Apache-2.0
"""Servers that the network tests talk to, on the host's loopback, in threads of the test."""
import hashlib
import http.server
import pathlib
import socket
import ssl
import struct
import subprocess
import threading


class Server:
    """A TCP server: each connection is handed to @handle in a thread, and closed after it.

    Use it with `with`. `accepted` counts the connections; what @handle returns is kept in `results`.
    """

    def __init__(self, handle, host='127.0.0.1', port=0):
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024)
        self.port = self._listener.getsockname()[1]
        self.accepted = 0
        self.results = []
        self._handle = handle
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._threads = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join()
        self._listener.close()
        for thread in self._threads:
            thread.join(30)

    def _serve(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self.accepted += 1
            self._threads.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _talk(self, connection):
        with connection:
            connection.settimeout(30)
            try:
                self.results.append(self._handle(connection))
            except OSError as error:
                self.results.append(error)


def receive(connection, end=None):
    """Read to the end, or until the octets end with @end."""
    data = b''
    while end is None or not data.endswith(end):
        chunk = connection.recv(65536)
        if not chunk:
            break
        data += chunk
    return data


def answering(text):
    """A handler: HTTP, the same answer to whatever is asked."""
    def handle(connection):
        asked = receive(connection, b'\r\n\r\n')
        connection.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s'
                           % (len(text), text))
        return asked
    return handle


def reset(connection):
    """End it with a reset, not an end of file."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    connection.close()


def blocks(seed, count):
    """@count MiB, no two alike."""
    for i in range(count):
        yield hashlib.sha256(f'{seed} {i}'.encode()).digest() * 32768


def digest_of(seed, count):
    judge = hashlib.sha256()
    for block in blocks(seed, count):
        judge.update(block)
    return judge.hexdigest()


class Folder(http.server.ThreadingHTTPServer):
    """Files over HTTP, as `python3 -m http.server` has them."""

    daemon_threads = True

    def __init__(self, path):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, directory=path, **options)

            def log_message(self, *_):
                pass
        super().__init__(('127.0.0.1', 0), Handler)
        self.port = self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Names:
    """A DNS server on UDP. `records[name]` is a list of addresses, or a function that says one;
    None: it says nothing; a name without any is NXDOMAIN. `asked` are the names, in order, of the queries for A."""

    A, AAAA = 1, 28

    def __init__(self, records):
        self.records = records
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b'', self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            query, peer = self._socket.recvfrom(4096)
            if not query:
                return
            answer = self._answer(query)
            if answer is not None:
                self._socket.sendto(answer, peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        question, kind = query[12:at + 5], struct.unpack('>H', query[at + 1:at + 3])[0]
        name = '.'.join(labels)
        if kind == self.A:
            self.asked.append(name)
        if name in self.records and self.records[name] is None:
            return None
        records = [] if kind not in (self.A, self.AAAA) else self._records(name, kind)
        rcode = 0 if name in self.records else 3
        head = query[:2] + struct.pack('>5H', 0x8580 | rcode, 1, len(records), 0, 0)
        return head + question + b''.join(
            b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 0, len(octets)) + octets for octets in records)

    def _records(self, name, kind):
        """Octets of its addresses of that kind; a function is asked with the queries for A."""
        known = self.records.get(name, [])
        if callable(known):
            known = [known()] if kind == self.A else []
        family = socket.AF_INET if kind == self.A else socket.AF_INET6
        return [socket.inet_pton(family, one) for one in known if (':' in one) == (kind == self.AAAA)]


def make_authority(folder, *names):
    """A root, and a server's certificate of it for @names. Return: paths of the root and of the server's PEM."""
    def openssl(*words, given=None):
        return subprocess.run(['openssl', *map(str, words)], input=given, check=True, capture_output=True,
                              timeout=30).stdout
    folder = pathlib.Path(folder)
    curve = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')
    openssl('req', '-x509', *curve, '-days', '30', '-subj', '/CN=outside root', '-keyout', folder / 'root.key',
            '-out', folder / 'root.crt', '-addext', 'basicConstraints=critical,CA:TRUE')
    (folder / 'ext').write_text('subjectAltName=' + ','.join(f'DNS:{name}' for name in names) + '\n')
    request = openssl('req', '-new', *curve, '-subj', '/CN=x', '-keyout', folder / 'server.key')
    certificate = openssl('x509', '-req', '-CA', folder / 'root.crt', '-CAkey', folder / 'root.key', '-days', '30',
                          '-extfile', folder / 'ext', given=request)
    (folder / 'server.pem').write_bytes((folder / 'server.key').read_bytes() + certificate)
    for name in ('root.crt', 'server.pem'):
        (folder / name).chmod(0o644)
    return folder / 'root.crt', folder / 'server.pem'


class Secure(http.server.ThreadingHTTPServer):
    """HTTPS, or HTTP without @pem: each request is kept whole in `requests`, as octets, and answered by
    @answer(head, body): (status, fields, body)."""

    daemon_threads = True

    def __init__(self, answer, pem=None):
        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *_):
                pass

            def _chunks(self):
                while True:
                    length = int(self.rfile.readline(), 16)
                    data = self.rfile.read(length)
                    self.rfile.readline()
                    if length == 0:
                        return
                    yield data

            def _serve(self):
                if self.headers.get('Transfer-Encoding') == 'chunked':
                    body = b''.join(self._chunks())
                else:
                    length = int(self.headers.get('Content-Length', 0))
                    body = self.rfile.read(length)
                    if len(body) < length:
                        self.close_connection = True
                        return
                head = f'{self.requestline}\r\n{self.headers}'.encode()
                requests.append(head + body)
                status, fields, out = answer(head, body)
                self.send_response(status)
                for name, value in fields:
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(out)))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(out)

            do_GET = do_POST = do_PUT = do_HEAD = _serve

        super().__init__(('127.0.0.1', 0), Handler)
        if pem is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.port = self.server_address[1]

    def handle_error(self, *_):
        pass

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class SecureTwo(Server):
    """HTTP/2 over TLS, or with prior knowledge without @pem: @answer(peer, stream, fields, body) answers each
    request that is whole. `requests`: (fields, body, trailers) of those; `began`: fields of all that came."""

    def __init__(self, answer, pem=None):
        self.requests, self.began, self._answer, self._context = [], [], answer, None
        if pem is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(pem)
            self._context.set_alpn_protocols(['h2'])
        super().__init__(self._serve_two)

    def _serve_two(self, connection):
        import http2_peer  # here, as this file alone is shared with programs inside
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        peer, open_streams = http2_peer.Peer(connection, False, settings=((3, 200), (8, 1))), {}
        while True:
            got = peer.read()
            if got.type == http2_peer.HEADERS and got.stream not in open_streams:
                open_streams[got.stream] = [got.fields, b'', []]
                self.began.append(got.fields)
            elif got.type == http2_peer.HEADERS:
                open_streams[got.stream][2] = got.fields
            elif got.type == http2_peer.DATA:
                open_streams[got.stream][1] += got.payload
            elif got.type == http2_peer.RST_STREAM:
                open_streams.pop(got.stream, None)
            if got.type in (http2_peer.HEADERS, http2_peer.DATA) and got.flags & http2_peer.END_STREAM:
                whole = open_streams.pop(got.stream)
                self.requests.append(whole)
                self._answer(peer, got.stream, *whole[:2])

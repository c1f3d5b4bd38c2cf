#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real TLS clients and servers on both sides of tests/tls/relay.c: run.py RELAY

The relay's gateway half runs under a filter that kills at any system call it should not need, so
that each test also shows that list to be whole.
"""
import hashlib, os, pathlib, select, shutil, signal, socket, ssl, struct, subprocess, sys, tempfile, threading, time, unittest

RELAY = os.path.abspath(sys.argv[1])
NAME = 'api.example.com'
WORK = pathlib.Path(tempfile.mkdtemp(prefix='tls-test-'))
MIB = 1024 * 1024
PATIENCE_S = 20


def openssl(*words, given=None):
    return subprocess.run(['openssl', *words], input=given, check=True, capture_output=True,
                          timeout=PATIENCE_S).stdout


def make_root():
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
            '-subj', '/CN=outside root', '-keyout', WORK / 'root.key', '-out', WORK / 'root.crt',
            '-addext', 'basicConstraints=critical,CA:TRUE')


def make_server(label, names, days=30, algorithm=('ec', '-pkeyopt', 'ec_paramgen_curve:P-256')):
    """A key and a certificate of the root, as one PEM file."""
    (WORK / 'ext').write_text(f'subjectAltName={names}\n')
    request = openssl('req', '-new', '-newkey', *algorithm, '-nodes', '-subj', '/CN=x',
                      '-keyout', WORK / f'{label}.key')
    certificate = openssl('x509', '-req', '-CA', WORK / 'root.crt', '-CAkey', WORK / 'root.key',
                          '-days', str(days), '-extfile', WORK / 'ext', given=request)
    path = WORK / f'{label}.pem'
    path.write_bytes((WORK / f'{label}.key').read_bytes() + certificate)
    return path


class Server:
    """Python's ssl. Each connection is given to @serve(connection)."""
    def __init__(self, pem, serve, alpn=None, newest=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)
        if alpn:
            self.context.set_alpn_protocols(alpn)
        if newest:
            self.context.maximum_version = newest
        self.serve, self.reused, self.errors = serve, [], []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(plain,), daemon=True).start()

    def one(self, plain):
        plain.settimeout(PATIENCE_S)
        try:
            with self.context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False) as connection:
                self.reused.append(connection.session_reused)
                self.serve(connection)
        except (OSError, ssl.SSLError) as error:
            self.errors.append(error)

    def close(self):
        self.listener.close()


class Relay:
    def __init__(self, port, name=NAME):
        self.process = subprocess.Popen([RELAY, WORK / 'ca', WORK / 'root.crt', name, str(port)],
                                        stdout=subprocess.PIPE, text=True)
        self.gateway = int(self.line('gateway '))
        self.port = int(self.line('port '))
        self.said = []
        threading.Thread(target=lambda: self.said.extend(iter(self.process.stdout.readline, '')),
                         daemon=True).start()

    def line(self, prefix):
        for _ in range(2):
            text = self.process.stdout.readline()
            if text.startswith(prefix):
                return text[len(prefix):]
            self.early = text
        raise AssertionError(text)

    def waits_for(self, text):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if any(text in line for line in self.said):
                return True
            time.sleep(0.01)
        return False

    def lives(self):
        return self.process.poll() is None and not any('the gateway ended' in line for line in self.said)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def client_context(alpn=None, newest=None):
    context = ssl.create_default_context(cafile=WORK / 'ca/ca.crt')
    if alpn:
        context.set_alpn_protocols(alpn)
    if newest:
        context.maximum_version = newest
    return context


def connect(port, context, session=None, name=NAME):
    plain = socket.create_connection(('127.0.0.1', port), timeout=PATIENCE_S)
    return context.wrap_socket(plain, server_hostname=name, session=session, suppress_ragged_eofs=False)


def read_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b''.join(parts)


def exchange(connection, data, octets):
    """Send @data and read @octets at once, with one thread, as OpenSSL wants it. Return: what was read."""
    connection.setblocking(False)
    got, left, end = [], memoryview(data), time.monotonic() + PATIENCE_S
    while left or octets:
        reads, writes = [connection], [connection] if left else []
        if not connection.pending():
            select.select(reads, writes, [], 1)
        if time.monotonic() > end:
            raise TimeoutError(f'{len(left)} octets unsent, {octets} not received')
        try:
            if left:
                left = left[connection.send(left[:100000]):]
        except ssl.SSLWantWriteError:
            pass
        try:
            if octets:
                got.append(connection.recv(65536))
                octets -= len(got[-1])
        except ssl.SSLWantReadError:
            pass
    connection.settimeout(PATIENCE_S)
    return b''.join(got)


def echo(connection):
    """Until the other says it is done; then so do we."""
    while part := connection.recv(65536):
        connection.sendall(part)
    connection.unwrap()


class Interop(unittest.TestCase):
    def relay(self, port, **more):
        relay = Relay(port, **more)
        self.addCleanup(relay.close)
        self.addCleanup(lambda: self.assertTrue(relay.lives(), relay.said))
        return relay

    def server(self, *words, **more):
        server = Server(*words, **more)
        self.addCleanup(server.close)
        return server

    def test_versions_and_protocols(self):
        for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for offer, speaks, want in ((['h2', 'http/1.1'], ['h2'], 'h2'),
                                        (['h2', 'http/1.1'], ['http/1.1'], 'http/1.1'),
                                        (['h2', 'http/1.1'], None, None), (None, ['h2'], None)):
                with self.subTest(newest=newest, offer=offer, speaks=speaks):
                    server = self.server(GOOD, echo, alpn=speaks, newest=newest)
                    relay = self.relay(server.port)
                    with connect(relay.port, client_context(offer, newest)) as c:
                        c.sendall(b'hello')
                        self.assertEqual(c.recv(100), b'hello')
                        self.assertEqual(c.selected_alpn_protocol(), want)
                        self.assertEqual(c.version(), 'TLSv1.2' if newest == ssl.TLSVersion.TLSv1_2 else 'TLSv1.3')

    def test_key_kinds_of_upstreams(self):
        kinds = {'rsa': ('rsa:2048',), 'rsa-pss': ('rsa-pss', '-pkeyopt', 'rsa_keygen_bits:2048'),
                 'p384': ('ec', '-pkeyopt', 'ec_paramgen_curve:P-384'), 'ed25519': ('ed25519',)}
        for label, algorithm in kinds.items():
            with self.subTest(label):
                server = self.server(make_server(label, f'DNS:{NAME}', algorithm=algorithm), echo)
                relay = self.relay(server.port)
                with connect(relay.port, client_context()) as c:
                    c.sendall(b'x')
                    self.assertEqual(c.recv(1), b'x')

    def test_five_mebibytes_both_ways(self):
        data = os.urandom(5 * MIB)
        digest = hashlib.sha256(data).digest()

        def serve(connection):
            got = exchange(connection, data, len(data))
            connection.sendall(hashlib.sha256(got).digest())
            connection.unwrap()
        server = self.server(GOOD, serve)
        relay = self.relay(server.port)
        with connect(relay.port, client_context()) as c:
            got = exchange(c, data, len(data))
            self.assertEqual(read_all(c), digest)
        self.assertEqual(hashlib.sha256(got).digest(), digest)

    def test_resumption(self):
        for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(newest):
                server = self.server(GOOD, echo, newest=newest)
                relay = self.relay(server.port)
                context, session, inside = client_context(newest=newest), None, []
                for _ in range(4):
                    with connect(relay.port, context, session) as c:
                        c.sendall(b'x')
                        self.assertEqual(c.recv(1), b'x')
                        inside.append(c.session_reused)
                        session = c.session
                self.assertEqual(inside, [False, True, True, True])
                self.assertEqual(server.reused, [False, True, True, True])

    def test_upstreams_that_are_refused(self):
        """The program gets a page with the reason, over a handshake it trusts."""
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '9', '-subj', f'/CN={NAME}', '-addext',
                f'subjectAltName=DNS:{NAME}', '-keyout', WORK / 'self.key', '-out', WORK / 'self.crt')
        (WORK / 'self.pem').write_bytes((WORK / 'self.key').read_bytes() + (WORK / 'self.crt').read_bytes())
        rows = ((make_server('expired', f'DNS:{NAME}', days=0), 'expired on'),
                (WORK / 'self.pem', 'signed by itself'),
                (make_server('other', 'DNS:other.example'), 'another host (it is for other.example)'))
        time.sleep(1.1)  # then the one of zero days has expired
        for pem, why in rows:
            with self.subTest(why):
                server = self.server(pem, echo)
                relay = self.relay(server.port)
                with connect(relay.port, client_context(['h2', 'http/1.1'])) as c:
                    page = read_all(c).decode()
                self.assertIn('502', page)
                self.assertIn(why, page)
                self.assertTrue(relay.waits_for(why), relay.said)
                self.assertTrue(server.errors)

    def test_truncated_upstream(self):
        def serve(connection):
            connection.sendall(b'half of it')
            os.close(connection.detach())  # without close_notify
        server = self.server(GOOD, serve)
        relay = self.relay(server.port)
        with connect(relay.port, client_context()) as c:
            self.assertEqual(c.recv(100), b'half of it')
            with self.assertRaises((ConnectionResetError, ssl.SSLEOFError)):
                c.recv(100)
        self.assertTrue(relay.waits_for('close_notify'), relay.said)

    def test_half_close(self):
        """The program says it is done and then gets a long answer."""
        def serve(connection):
            said = read_all(connection)
            connection.sendall(said[::-1] * 100000)
            connection.unwrap()
        server = self.server(GOOD, serve)
        relay = self.relay(server.port)
        with socket.create_connection(('127.0.0.1', relay.port), timeout=PATIENCE_S) as plain:
            into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = client_context().wrap_bio(into, out, server_hostname=NAME)

            def step(action):
                """Until it is done; Python's SSLObject can read after its own close_notify."""
                while True:
                    try:
                        return action()
                    except ssl.SSLWantReadError:
                        plain.sendall(out.read())
                        into.write(plain.recv(65536))
            step(client.do_handshake)
            client.write(b'abc')
            with self.assertRaises(ssl.SSLWantReadError):
                client.unwrap()
            got = 0
            while got < 300000:
                got += len(step(lambda: client.read(65536)))
            self.assertEqual(got, 300000)

    def test_client_that_vanishes(self):
        """With a reset, after the first octets of its hello; and later, in the middle."""
        server = self.server(GOOD, echo)
        relay = self.relay(server.port)
        recorded = ssl.MemoryBIO()
        try:
            client_context().wrap_bio(ssl.MemoryBIO(), recorded, server_hostname=NAME).do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = recorded.read()
        for cut in (0, 1, 5, 100, len(hello) - 1, len(hello)):
            for pause in (0, 0.005):
                with socket.create_connection(('127.0.0.1', relay.port)) as plain:
                    plain.sendall(hello[:cut])
                    time.sleep(pause)
                    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        with connect(relay.port, client_context()) as c:
            c.sendall(b'still here')
            self.assertEqual(c.recv(100), b'still here')
        end = time.monotonic() + PATIENCE_S
        count = 99
        while count > 8 and time.monotonic() < end:  # epoll, the channel, standard streams
            time.sleep(0.05)
            count = len(os.listdir(f'/proc/{relay.gateway}/fd')) if os.geteuid() == 0 else 0
        self.assertLessEqual(count, 8, 'flows were left over')

    def test_openssl_server(self):
        server = subprocess.Popen(['openssl', 's_server', '-accept', '127.0.0.1:0', '-cert', GOOD, '-www'],
                                  stdout=subprocess.PIPE, text=True, bufsize=1)
        self.addCleanup(lambda: (server.kill(), server.wait(), server.stdout.close()))
        for line in server.stdout:
            if line.startswith('ACCEPT'):
                port = int(line.rsplit(':', 1)[1])
                break
        relay = self.relay(port)
        page = subprocess.run(['curl', '-sS', '--cacert', WORK / 'ca/ca.crt', '--noproxy', '*', '--resolve',
                               f'{NAME}:{relay.port}:127.0.0.1', f'https://{NAME}:{relay.port}/'],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(page.returncode, 0, page.stderr)
        self.assertIn('Ciphers supported', page.stdout)

    def test_leaf_by_openssl_verify(self):
        server = self.server(GOOD, echo)
        relay = self.relay(server.port)
        with connect(relay.port, client_context()) as c:
            leaf = ssl.DER_cert_to_PEM_cert(c.getpeercert(True))
        said = openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', NAME, '-CAfile',
                       WORK / 'ca/ca.crt', given=leaf.encode())
        self.assertIn(b'OK', said)
        text = openssl('x509', '-noout', '-text', given=leaf.encode()).decode()
        for part in (f'DNS:{NAME}', 'TLS Web Server Authentication', 'CA:FALSE', 'Digital Signature',
                     'Authority Key Identifier', 'Subject Key Identifier'):
            self.assertIn(part, text)

    def test_another_name_than_was_judged(self):
        server = self.server(GOOD, echo)
        relay = self.relay(server.port)
        with self.assertRaisesRegex(ssl.SSLError, 'UNRECOGNIZED_NAME'):
            connect(relay.port, client_context(), name='front.example')
        self.assertTrue(relay.waits_for('not the one that was judged'), relay.said)

    def test_address_for_a_name(self):
        server = self.server(make_server('address', 'IP:127.0.0.1'), echo)
        relay = self.relay(server.port, name='127.0.0.1')
        with connect(relay.port, client_context(), name='127.0.0.1') as c:
            c.sendall(b'x')
            self.assertEqual(c.recv(1), b'x')


if __name__ == '__main__':
    try:
        (WORK / 'ca').mkdir()
        make_root()
        GOOD = make_server('good', f'DNS:{NAME}')
        program = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], exit=False)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    sys.exit(not program.result.wasSuccessful())

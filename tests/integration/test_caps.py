# SPDX-License-Identifier: Apache-2.0
"""Caps and pins of network.rules: real servers and clients, over HTTP/1.1 and HTTP/2."""
import base64
import hashlib
import json
import os
import shutil
import time

import origins
import support
from origins import NAME, Certificates, Origin, sh
from servers import Server
from support import PYTHON, as_root_and_user, eventually

VERSIONS = ('--http1.1', '--http2')
KIB = 1024
REQUEST_WHY = "the request's body is longer than request_bytes of its rule"
RESPONSE_WHY = "the response's body is longer than response_bytes of its rule"

# Some flows to a.test: what comes on each, then how long until it ends, and how.
FLOWS = '''
import json, socket, sys, time
flows, seen = [], []
for _ in range(int(sys.argv[2])):
    try:
        flow = socket.create_connection(('a.test', int(sys.argv[1])), 5)
        flow.settimeout(5)
        seen.append(flow.recv(100).decode() or 'end')
        flows.append(flow)
    except OSError as error:
        seen.append(type(error).__name__)
for flow in flows:
    begun = time.monotonic()
    try:
        flow.recv(100)
    except OSError as error:
        seen.append(type(error).__name__)
    seen.append(round(time.monotonic() - begun, 1))
print(json.dumps(seen))
'''


def pin_of(certificate):
    """As OpenSSL has it: of the public key of the PEM file @certificate."""
    key = sh('openssl', 'x509', '-in', certificate, '-noout', '-pubkey')
    der = sh('openssl', 'pkey', '-pubin', '-outform', 'DER', input=key)
    return 'sha256/' + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Rig(support.Tests):
    def box(self, rules, **network):
        """A sandbox with @rules; what it tells of its network comes to self.events."""
        self.events = []
        box = self.sandbox({'network': {'rules': rules, 'allow_private': ['127.0.0.1'], **network},
                            'vfs': {'direct_mounts': {'/tmp/up': {'host_path': self.make_folder('up')}}}})
        box.on_event(lambda event: self.events.append(event['network']) if event['type'] == 'network' else None)
        return box

    def told(self, **facts):
        """Wait for an event that has @facts. Return: it"""
        def found():
            return [event for event in list(self.events) if facts.items() <= event.items()]
        self.assertTrue(eventually(found), (facts, self.events))
        return found()[0]


class Web(Rig):
    def setUp(self):
        if not origins.which('nginx'):
            self.skipTest('nginx is not installed')
        super().setUp()
        Origin.certificates()
        self.certificates = Origin.certificates()
        self.origin = Origin(os.path.join(self.folder, 'origin'))
        self.origin.__enter__()
        self.addCleanup(self.origin.__exit__)
        self.origin._backend.handle_error = lambda *_: None  # requests that are broken off
        self.base = f'https://{NAME}:{self.origin.port}'

    def web(self, **rule):
        return self.box([{'host': NAME, **rule}], hosts={NAME: '127.0.0.1'}, ca_file=str(self.certificates.ca))

    def curl(self, box, *words, ok=True):
        """Return: (status of the last, what was printed)"""
        done = box.exec(['curl', '-sS', '-m', '20', '-w', '\n%{http_code} %{http_version}', *words])
        if ok:
            self.assertEqual(done['exit_code'], 0, done)
        body, _, last = done['stdout'].rpartition('\n')
        status, version = last.split()
        if ok:
            self.assertEqual(version, {'--http1.1': '1.1', '--http2': '2'}[words[0]], done)
        return int(status), body, done['exit_code']


@as_root_and_user
class Bytes(Web):
    def test_uploads(self):
        box = self.web(caps={'request_bytes': '64K'})
        self.make_file('up/fits', bytes(64 * KIB))
        self.make_file('up/long', bytes(64 * KIB + 1))
        self.make_file('up/huge', bytes(4096 * KIB))
        for version in VERSIONS:
            with self.subTest(version):
                put = (version, '-X', 'PUT', f'{self.base}/digest/')
                status, body, _ = self.curl(box, *put, '--data-binary', '@/tmp/up/fits')
                self.assertEqual((status, body.split()[0]), (200, str(64 * KIB)))
                status, body, _ = self.curl(box, *put, '-T', '-', ok=False)  # nothing on its input
                self.assertEqual(status, 200, body)
                for name in ('long', 'huge'):
                    self.events.clear()
                    status, body, _ = self.curl(box, *put, '--data-binary', f'@/tmp/up/{name}')
                    envelope = json.loads(body)
                    self.assertEqual((status, envelope['error_code'], envelope['policy_explanation'], envelope['retryable']),
                                     (413, 'cap_exceeded', REQUEST_WHY, False))
                    fact = self.told(status_code=413)
                    self.assertEqual((fact['blocked'], fact['reason'], fact['rule'], fact['request_bytes']),
                                     (True, REQUEST_WHY, 'rules[0]', 0), fact)

    def test_uploads_of_unknown_length(self):
        box = self.web(caps={'request_bytes': '64K'})
        self.make_file('up/fits', bytes(64 * KIB))
        self.make_file('up/huge', bytes(4096 * KIB))
        for version in VERSIONS:
            with self.subTest(version):
                self.events.clear()
                put = ('sh', '-c', f'cat /tmp/up/$0 | curl -sS -m 20 {version} -H "Expect:" -T - -w "\n%{{http_code}}" '
                                   f'{self.base}/digest/')
                done = box.exec([*put, 'fits'])
                self.assertRegex(done['stdout'], f'^{64 * KIB} [0-9a-f]*\n\n200$')
                done = box.exec([*put, 'huge'])
                self.assertRegex(done['stdout'], 'cap_exceeded.*request_bytes of its rule.*\n+413$')
                fact = self.told(status_code=413)
                self.assertEqual((fact['blocked'], fact['reason'], fact['rule']), (True, REQUEST_WHY, 'rules[0]'), fact)

    def test_downloads(self):
        box = self.web(caps={'response_bytes': '1M'})
        for version in VERSIONS:
            with self.subTest(version):
                self.events.clear()
                done = box.exec(['curl', '-sS', version, '-o', '/dev/null', '-w', '%{http_code} %{size_download}', f'{self.base}/data/1'])
                self.assertEqual(done['stdout'], '200 1048576')
                status, body, _ = self.curl(box, version, f'{self.base}/data/2')
                envelope = json.loads(body)
                self.assertEqual((status, envelope['error_code'], envelope['policy_explanation'], envelope['retryable']),
                                 (502, 'cap_exceeded', RESPONSE_WHY, False))
                fact = self.told(status_code=502)
                self.assertEqual((fact['blocked'], fact['reason'], fact['rule']), (True, RESPONSE_WHY, 'rules[0]'))
                status, body, _ = self.curl(box, version, '-I', f'{self.base}/data/2')
                self.assertEqual(status, 200)

    def test_downloads_of_unknown_length(self):
        """Do not end as if they were whole."""
        box = self.web(caps={'response_bytes': 20})  # of 45
        for version in VERSIONS:
            with self.subTest(version):
                self.events.clear()
                status, body, code = self.curl(box, version, f'{self.base}/events/', ok=False)
                self.assertEqual((status, body), (200, 'data: event 0\n\n'))
                self.assertIn(code, (18, 56, 92))
                fact = self.told(status_code=200)
                self.assertEqual((fact['blocked'], fact['reason']), (True, RESPONSE_WHY))


@as_root_and_user
class Counts(Web):
    def test_a_minute(self):
        box = self.web(caps={'requests_per_minute': 3})
        for version in VERSIONS[:1]:
            done = box.exec(['curl', '-sS', version, '-w', '%{http_code} %header{retry-after}\n',
                             *['-o', '/dev/null', f'{self.base}/data/0'] * 5])
        self.assertRegex(done['stdout'], '^(200 \n){3}(429 (19|20)\n){2}$')
        status, body, _ = self.curl(box, '--http2', f'{self.base}/data/0')
        envelope = json.loads(body)
        self.assertEqual((status, envelope['error_code'], envelope['retryable'], envelope['policy_explanation']),
                         (429, 'rate_limited', True, 'more than 3 requests of this rule in a minute'))
        fact = self.told(status_code=429)
        self.assertEqual((fact['blocked'], fact['rule'], fact['reason']),
                         (True, 'rules[0]', 'more than 3 requests of this rule in a minute'))
        headers = box.exec(['curl', '-sSI', '--http2', f'{self.base}/'])['stdout']
        self.assertRegex(headers, '(?i)\nretry-after: [0-9]+\r')

    def test_at_once(self):
        box = self.web(caps={'concurrency': 1})
        for version in VERSIONS:
            with self.subTest(version):
                done = box.exec(['sh', '-c', f'for i in 1 2 3; do curl -sS {version} -o /dev/null -w "%{{http_code}}\n" '
                                             f'{self.base}/events/ & sleep .1; done; wait'])
                self.assertEqual(sorted(done['stdout'].split()), ['200', '429', '429'])
                done = box.exec(['curl', '-sS', version, '-o', '/dev/null', '-w', '%{http_code}', f'{self.base}/events/'])
                self.assertEqual(done['stdout'], '200', 'it is over')
        self.told(status_code=429, reason='1 requests of this rule are under way at once', rule='rules[0]')


@as_root_and_user
class Pins(Web):
    def test_pins(self):
        other = pin_of(self.certificates.folder / 'wrong.test.crt')
        rows = ((pin_of(self.certificates.folder / f'{NAME}.crt'), True), (pin_of(self.certificates.ca), True), (other, False))
        for number, (pin, good) in enumerate(rows):
            box = self.web(pins=[pin, other])
            for version in VERSIONS * 2:  # sessions go round nothing
                with self.subTest(number=number, version=version):
                    self.events.clear()
                    status, body, _ = self.curl(box, version, f'{self.base}/data/0')
                    if good:
                        self.assertEqual(status, 200)
                        continue
                    why = 'TLS with the server failed: its certificate is not one of the pins'
                    self.assertEqual((status, json.loads(body)['policy_explanation']), (502, why))
                    self.told(method='CONNECT', status_code=502, blocked=True, reason=why)
            box.close()
            shutil.rmtree(f'{self.folder}/up')

    def test_pins_open_what_another_rule_does_not(self):
        box = self.box([{'host': NAME, 'tls': 'passthrough'},
                        {'host': '*.test', 'pins': [pin_of(self.certificates.folder / 'wrong.test.crt')]}],
                       hosts={NAME: '127.0.0.1'}, ca_file=str(self.certificates.ca))
        self.assertEqual(self.curl(box, '--http2', f'{self.base}/data/0')[0], 502)


@as_root_and_user
class Flows(Rig):
    def flows(self, count, hold_s=20, greet=b'hello', **caps):
        def handle(connection):
            connection.sendall(greet)
            connection.settimeout(hold_s)
            return connection.recv(1)
        with Server(handle) as server:
            box = self.box([{'host': f'a.test:{server.port}', 'caps': caps}], hosts={'a.test': '127.0.0.1'})
            done = box.exec([PYTHON, '-c', FLOWS, str(server.port), str(count)])
            self.assertEqual(done['exit_code'], 0, done)
            box.close()
            shutil.rmtree(f'{self.folder}/up')
        return json.loads(done['stdout']), server.accepted

    def test_idle(self):
        seen, _ = self.flows(1, idle='1s')
        self.assertEqual(seen[:2], ['hello', 'ConnectionResetError'])
        self.assertTrue(0.8 < seen[2] < 2.5, seen)

    def test_counted(self):
        """What passes unread counts as flows."""
        seen, accepted = self.flows(3, idle=1, concurrency=2)
        self.assertEqual((seen[:3], accepted), (['hello', 'hello', 'ConnectionResetError'], 2))
        self.told(method='CONNECT', blocked=True, rule='rules[0]', reason='2 flows of this rule are under way at once')
        seen, accepted = self.flows(4, idle=1, requests_per_minute=3)
        self.assertEqual((seen[:4], accepted), (['hello'] * 3 + ['ConnectionResetError'], 3))
        self.told(method='CONNECT', blocked=True, rule='rules[0]', reason='more than 3 flows of this rule in a minute')


@as_root_and_user
class Settings(support.Tests):
    def test_contradictions(self):
        pin = 'sha256/' + base64.b64encode(bytes(32)).decode()
        rows = (({'tls': 'passthrough', 'pins': [pin]}, 'tls: shows no certificate that pins could be compared with'),
                ({'tls': 'passthrough', 'caps': {'request_bytes': 1}}, 'tls: would go round request_bytes'),
                ({'raw': True, 'caps': {'response_bytes': '1k'}}, 'raw: would go round request_bytes'),
                ({'caps': {'idle': 'soon'}}, 'caps.idle: "soon" is impossible: must be 1s to 30d'),
                ({'caps': {'request_bytes': '1 MB'}}, 'caps.request_bytes: "1 MB" is impossible: must be 1 to 1P'),
                ({'pins': ['sha1/x']}, 'pins[0]: "sha1/x" is impossible'))
        for rule, why in rows:
            with self.subTest(why):
                path = self.make_file('i.json', json.dumps({'network': {'rules': [{'host': 'a.test', **rule}]}}))
                done = self.run_in('true', options=('--config', path))
                self.assert_code(done, support.OURS)
                self.assertIn(f'network.rules[0].{why}', done.errors)

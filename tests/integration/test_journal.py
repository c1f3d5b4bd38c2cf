# SPDX-License-Identifier: Apache-2.0
"""The audit log as sandboxes write it: what it says of their effects, and that none takes place without it."""
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import threading
import time

import support
from servers import Secure, Server, make_authority
from support import PYTHON, as_root_and_user, eventually
from test_ports import ECHO, say

ROUNDS = int(os.environ.get('IMMURE_TEST_ROUNDS', '10'))  # of kill -9
HERE = ('--allow-private', '127.0.0.1', '--add-host', 'a.test:127.0.0.1')

# PORT: for each line of the input a request on the same connection, or with '!' a new one; says what came
ASK = r'''
import http.client, json, sys
kept = None
for path in sys.stdin:
    path = path.strip()
    if kept is None or path.startswith('!'):
        kept = http.client.HTTPConnection("a.test", int(sys.argv[1]), timeout=20)
    try:
        kept.request("GET", path.lstrip("!"))
        answer = kept.getresponse()
        text = answer.read().decode()
        print(answer.status, json.loads(text)["policy_explanation"] if answer.status != 200 else text, flush=True)
    except OSError as error:
        print(type(error).__name__, error, flush=True)
'''

# PORT: requests without end, some at once
FLOOD = r'''
import http.client, itertools, sys, threading
def one(name):
    kept = http.client.HTTPConnection("a.test", int(sys.argv[1]), timeout=20)
    for i in itertools.count():
        kept.request("GET", "/%d/%d" % (name, i))
        kept.getresponse().read()
for name in range(4):
    threading.Thread(target=one, args=(name,)).start()
print("going", flush=True)
'''


class Origin(http.server.ThreadingHTTPServer):
    """HTTP on loopback; `paths` of the requests that came, in order."""

    daemon_threads = True

    def __init__(self):
        origin = self
        self.paths = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                origin.paths.append(self.path)
                self.send_response(200)
                self.send_header('Content-Length', '5')
                self.end_headers()
                self.wfile.write(b'hello')

            def do_POST(self):
                self.rfile.read(int(self.headers['Content-Length']))
                self.do_GET()

            def log_message(self, *_):
                pass
        super().__init__(('127.0.0.1', 0), Handler)
        self.port = self.server_address[1]

    def handle_error(self, *_):
        """Connections that are broken off."""

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Rig(support.Tests):
    def entries(self, **facts):
        """What the log says, after a look at its chain; of each entry, those that have @facts (host_: of the resource)."""
        self.assertIn('fine: ', self.immure('audit', 'verify').text)
        done = self.immure('audit', 'show', '--json', '--limit', '0')
        self.assert_code(done, 0)
        lines = [json.loads(line) for line in done.text.splitlines()]
        return [line for line in lines if facts.items() <= line.items()]

    def pair(self, **facts):
        """The one effect whose beginning has @facts. Return: its beginning and its end"""
        begin, = self.entries(phase='begin', **facts)
        end, = self.entries(phase='end', request_id=begin['request_id'], action=begin['action'])
        self.assertGreater(end['seq'], begin['seq'])
        self.assertEqual((begin['decision'], begin['mode']), ('allow', 'enforce'))
        return begin, end

    def curl(self, *words, options=()):
        return self.run_in('curl', '-sS', '-m', '10', *words, options=(*HERE, *options))


@as_root_and_user
class Journal(Rig):
    def test_nothing(self):
        """A sandbox without an effect pays nothing: no folder, no key."""
        self.assert_code(self.run_in('true', options=(*HERE, '--allow-host', 'a.test')), 0)
        self.assertFalse(os.path.exists(os.path.join(self.state, 'audit')))

    def test_a_request(self):
        with Origin() as origin:
            self.assert_prints(self.curl(f'http://a.test:{origin.port}/x?token=hush&b=1', options=('--allow-host', 'a.test')),
                               'hello')
        begin, end = self.pair(action='http.request')
        self.assertEqual(begin['resource'], {'protocol': 'http', 'host': 'a.test', 'port': origin.port, 'method': 'GET', 'path': '/x',
                                             'url': f'http://a.test:{origin.port}/x?token=[redacted]&b=1'})
        self.assertEqual((begin['rule'], begin['seen_by'], begin['redactions']), ('allowed_hosts[0]', 'gateway', ['query:token']))
        self.assertEqual((begin['actor']['program'], begin['actor']['sandbox']), ('/usr/bin/curl', self.listed()[0]['id']))
        self.assertEqual(end['status_code'], 200)
        self.assertGreater(end['response_bytes'], 5)
        begin, end = self.pair(action='net.connect')
        self.assertGreater(end['response_bytes'], 5)
        name, = self.entries(action='dns.query')
        self.assertEqual((name['phase'], name['decision'], name['resource']['host']), ('event', 'allow', 'a.test'))
        shown = self.immure('audit', 'show').text
        self.assertRegex(shown, r'allow  net\.connect   a\.test:\d+  \d+/\d+ octets')
        self.assertRegex(shown, r'allow +http\.request +GET http://a\.test:\d+/x\?token=\[redacted\]&b=1  200  \d+/\d+ octets')

    def test_denied_and_capped(self):
        rules = json.dumps({'network': {'rules': [{'host': 'a.test', 'methods': ['GET', 'POST'], 'paths': ['/ok/**'],
                                                   'caps': {'request_bytes': 10}}]}})
        settings = ('-c', self.make_file('immure.json', rules))
        with Origin() as origin:
            base = f'http://a.test:{origin.port}'
            done = self.curl(f'{base}/no', options=settings)
            self.curl('-d', 'x' * 100, f'{base}/ok/long', options=settings)
            self.curl('http://b.test/', options=settings)
            self.curl('http://8.8.8.8/', options=settings)
        self.assertEqual(origin.paths, [])
        denied, = self.entries(action='http.request', phase='event')
        self.assertEqual(denied['request_id'], done.json()['request_id'])
        self.assertEqual((denied['decision'], denied['error_code'], denied['status_code'], denied['rule']),
                         ('deny', 'policy_denied', 403, 'rules[0]'))
        self.assertEqual(denied['reasons'], [done.json()['policy_explanation']])
        _, end = self.pair(action='http.request')
        self.assertEqual((end['decision'], end['error_code'], end['status_code']), ('deny', 'cap_exceeded', 413))
        name, = self.entries(action='dns.query', decision='deny')
        self.assertEqual((name['resource']['host'], name['rule']), ('b.test', 'default'))
        flow, = self.entries(action='net.connect', phase='event')
        self.assertEqual(flow['resource'], {'protocol': 'tcp', 'host': '8.8.8.8', 'port': 80})

    def test_raw_and_where_it_leads(self):
        """A flow that is no HTTP; one that may not go where it leads; one whose server is not there."""
        with socket.create_server(('127.0.0.1', 0)) as taken:
            closed = taken.getsockname()[1]
        script = ('import socket, sys\nfor port in sys.argv[1:]:\n try:\n  flow = socket.create_connection(("a.test", int(port)))\n'
                  '  print(flow.recv(100))\n except OSError: pass\n')
        with Server(lambda connection: connection.sendall(b'hello')) as server:
            words = [word for port in (server.port, closed) for word in ('--allow-host', f'a.test:{port}')]
            self.run_in(PYTHON, '-c', script, server.port, closed, options=(*HERE, *words))
            begins = self.entries(action='net.connect', phase='begin')
            ends = {end['request_id']: end for end in self.entries(action='net.connect', phase='end')}
            self.assertEqual([one['resource']['port'] for one in begins], [server.port, closed])
            carried, failed = (ends[one['request_id']] for one in begins)
            self.assertEqual((carried['response_bytes'], 'error_code' in carried), (5, False))
            self.assertEqual((failed['error_code'], failed['reasons']), ('failed', ['a.test: Connection refused']))
            self.run_in(PYTHON, '-c', script, server.port, options=(*HERE[2:], *words))
        refused = self.entries(action='net.connect', phase='end')[-1]
        self.assertEqual((refused['decision'], refused['error_code']), ('deny', 'policy_denied'))
        self.assertIn('127.0.0.1', refused['reasons'][0])

    def test_packets_and_what_is_no_http(self):
        script = ('import socket, sys\nudp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor _ in range(3):\n try:\n'
                  '  udp.sendto(b"x", ("192.0.2.9", 443))\n except OSError: pass\n'
                  'flow = socket.create_connection(("a.test", int(sys.argv[1])))\nflow.sendall(b"\\0" * 100)\nflow.recv(1)\n')
        with Origin() as origin:
            self.run_in(PYTHON, '-c', script, origin.port, options=(*HERE, '--allow-host', 'a.test'))
        packets = self.entries(action='net.packet')
        self.assertEqual((packets[0]['resource'], packets[0]['seen_by']),
                         ({'protocol': 'UDP', 'host': '192.0.2.9', 'port': 443}, 'warden'))
        self.assertRegex(self.immure('audit', 'show').text, r'deny   net\.packet    UDP 192\.0\.2\.9:443  \(only TCP')
        refused, = self.entries(action='net.connect', phase='event')
        self.assertEqual((refused['decision'], refused['error_code']), ('deny', 'malformed_request'))
        self.assertIn('neither TLS nor HTTP', refused['reasons'][0])
        self.assertEqual(refused['request_id'], self.pair(action='net.connect')[0]['request_id'])

    def test_a_published_port(self):
        process = self.popen('run', '-p', '0:8000', '--', PYTHON, '-c', ECHO, '127.0.0.1', '8000')
        self.assertEqual(self.started(process), 'ready')
        port = self.immure('get', self.listed()[0]['id'], '--json').json()['ports'][0]['host_port']
        self.assertEqual(say(port, b'hello'), b'hello')
        self.assertEqual(say(port, b'world'), b'world')
        self.end(process)
        begins = self.entries(action='port.publish', phase='begin')
        self.assertEqual([one['request_id'] for one in begins], ['in-00000001', 'in-00000002'])
        self.assertEqual((begins[0]['resource'], begins[0]['rule'], begins[0]['seen_by']),
                         ({'protocol': 'tcp', 'host': '127.0.0.1', 'port': 8000}, 'publish[0]', 'warden'))
        ends = self.entries(action='port.publish', phase='end')
        self.assertEqual([(one['request_bytes'], one['response_bytes']) for one in ends], [(5, 5), (5, 5)])

    def test_a_secret_stays_a_placeholder(self):
        if not (shutil.which('openssl') and shutil.which('curl')):
            self.skipTest('needs openssl and curl')
        root, pem = make_authority(self.make_folder('tls'), 'a.test')
        self.env['KEY'] = 'sk-live-7b'
        settings = self.make_file('immure.json', json.dumps({'network': {'secrets': {'KEY': {
            'env': 'KEY', 'hosts': ['a.test'], 'where': ['query', 'header']}}}}))
        with Secure(lambda head, body: (200, [], b''), pem) as server:
            self.sh(f'curl -sS -H "X-Key: $KEY" "https://a.test:{server.port}/?q=$KEY"', *HERE, '--allow-host', 'a.test',
                    '--upstream-ca', str(root), '-c', settings)
        self.assertIn(b'?q=sk-live-7b', server.requests[0])
        begin, _ = self.pair(action='http.request')
        self.assertRegex(begin['resource']['url'], r'/\?q=IMMURE_SECRET_[0-9a-f]{32}$')
        self.assertEqual(begin['resource']['protocol'], 'https')
        for path in pathlib.Path(self.state, 'audit').iterdir():
            self.assertNotIn(b'sk-live', path.read_bytes(), path)

    def test_it_outlives_the_sandbox(self):
        self.curl('http://b.test/', options=('--rm',))
        self.assertEqual(self.listed(), [])
        self.assertEqual(len(self.entries(action='dns.query')), 1)

    def test_a_crowd(self):
        """Thousands of denials are some lines, and their number."""
        script = ('import socket\nfor i in range(3000):\n try: socket.create_connection(("192.0.2.1", 80), 5)\n'
                  ' except OSError: pass\n')
        self.run_in(PYTHON, '-c', script)
        denied = self.entries(action='net.connect', decision='deny')
        self.assertLess(len(denied), 300)
        more = [re.match(r'(\d+) more like this', one['reasons'][0]) for one in denied]
        self.assertEqual(sum(int(one[1]) if one else 1 for one in more), 3000)

    def test_killed(self):
        """kill -9 of the warden at any moment: what reached the origin is in the log, and its chain is whole."""
        options = (*HERE, '--allow-host', 'a.test')
        reached = 0
        with Origin() as origin:
            for number in range(ROUNDS):
                del origin.paths[:]
                process = self.popen('run', *options, '--', PYTHON, '-c', FLOOD, origin.port)
                self.assertEqual(self.started(process), 'going')
                time.sleep(random.uniform(0, 0.4))
                vm_id = next(vm['id'] for vm in self.listed() if vm['status'] == 'running')
                warden = int(pathlib.Path(self.state, 'vms', vm_id, 'pid').read_text().split()[0])
                os.kill(warden, signal.SIGKILL)
                process.communicate()
                self._running.remove(process)
                self.assertTrue(eventually(lambda: not support.left_over(0)))
                paths, wanted = set(), list(origin.paths)
                log = pathlib.Path(self.state, 'audit', f'{vm_id}.jsonl')
                for line in log.read_text('ascii').splitlines() if log.exists() else ():
                    found = re.search(r'"phase":"begin".*"path":"([^"]*)"', line)
                    if found:
                        paths.add(found[1])
                self.assertEqual([path for path in wanted if path not in paths], [], f'round {number}')
                self.assertIn('fine: ', self.immure('audit', 'verify').text)
                reached += len(wanted)
        self.assertIn('  (no end)', self.immure('audit', 'show', '-n0').text)
        self.assertGreater(reached, 10 * ROUNDS)

    def test_a_full_disk(self):
        """What cannot be recorded does not take place, and the reason is told; then it goes on."""
        if os.getuid() != 0:
            self.skipTest('needs root to mount a small file system')
        os.mkdir(self.state)
        script = 'mount -t tmpfs -o mode=0755,size=2m none "$IMMURE_HOME" && chown "$0:$0" "$IMMURE_HOME" && exec "$@"'
        with Origin() as origin:
            process = self.popen(words=['unshare', '-m', 'sh', '-c', script, str(self.identity.uid), *self.words(
                'run', *HERE, '--allow-host', 'a.test', '--', PYTHON, '-c', ASK, str(origin.port))])

            def ask(path):
                process.stdin.write(path.encode() + b'\n')
                return self.started(process)
            self.assertEqual(ask('/1'), '200 hello')
            fill = pathlib.Path(f'/proc/{process.pid}/root{self.state}/fill')
            with open(fill, 'wb', buffering=0) as file:
                try:
                    while True:
                        file.write(b'x' * 512)
                except OSError:
                    pass
            said = [ask(path) for path in [f'/{i}' for i in range(2, 40)] + ['!/40', '!/41']]
            refused = '503 the audit log cannot be written: No space left on device; free some in ~/.immure/audit'
            last = said[-30:]
            self.assertEqual(set(last), {refused}, said)
            sent = [f'/{i}' for i, one in enumerate(['', '200 hello', *said]) if one == '200 hello']
            self.assertEqual(origin.paths, sent)
            fill.unlink()
            self.assertEqual(ask('!/42'), '200 hello')  # a flow that was refused stays so
            self.assertEqual(ask('/43'), '200 hello')
            folder = fill.parent / 'audit'
            log, = (path for path in folder.iterdir() if path.name.startswith('vm-'))
            lines = [json.loads(line) for line in log.read_text('ascii').splitlines()]
            lost = [line['reasons'][0] for line in lines if line.get('action') == 'audit.lost']
            self.assertRegex(lost[0], r'^\d+ entries could not be written: No space left on device$')
            begun = {line['resource']['path'] for line in lines if line.get('action') == 'http.request' and line['phase'] == 'begin'}
            self.assertLessEqual(set(origin.paths), begun)
            self.end(process)

# SPDX-License-Identifier: Apache-2.0
"""Watch, learn, hold to it: a program is run free, a policy made of what it did, and that enforced."""
import contextlib
import http.server
import pathlib
import threading

import support
from support import PYTHON, as_root_and_user

REACH = ('--add-host', 'api.test:127.0.0.1', '--add-host', 'other.test:127.0.0.1', '--allow-private', '127.0.0.1')
# method and URL, as often as there are; the statuses on stdout
PROGRAM = '''
import sys, urllib.error, urllib.request
for method, url in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, data=b'x' if method == 'POST' else None), timeout=20) as answer:
            print(answer.status)
    except urllib.error.HTTPError as error:
        print(error.code)
    except OSError as error:
        print('none')
'''


class Origin(http.server.BaseHTTPRequestHandler):
    """Says yes to everything."""
    protocol_version = 'HTTP/1.1'

    def answer(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'{}')

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def origin():
    """Its port."""
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Origin) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@as_root_and_user
class Loop(support.Tests):
    def run_app(self, *calls, options=()):
        done = self.run_in(PYTHON, '-c', PROGRAM, *calls, options=('--app', 'victim', *REACH, *options))
        self.assert_code(done, 0)
        return done.text.split()

    def test_audit_suggest_replay_enforce(self):
        with origin() as port:
            base = f'http://api.test:{port}'
            calls = ('GET', f'{base}/v1/models', 'POST', f'{base}/v1/chat', 'GET', f'{base}/v1/items/17', 'GET', f'{base}/v1/items/18')
            self.assertEqual(self.run_app(*calls, options=('--audit',)), ['200'] * 4)
            self.assert_code(self.immure('audit', 'verify'), 0)

            done = self.immure('policy', 'suggest', '--app', 'victim')
            self.assert_code(done, 0)
            policy = pathlib.Path(self.folder) / 'victim.rego'
            policy.write_text(done.text)
            policy.chmod(0o644)
            self.assertIn('api.test', done.errors)  # the table
            self.assertNotIn('other.test', done.text)
            self.assert_code(self.immure('policy', 'check', str(policy)), 0)
            replay = self.immure('policy', 'replay', str(policy), '--app', 'victim')
            self.assertEqual((replay.code, replay.text.splitlines()[-1]), (0, '6 calls, 9 entries: 0 calls flip, 0 entries'), replay)

            enforced = ('--policy', str(policy))
            self.assertEqual(self.run_app(*calls, options=enforced), ['200'] * 4)
            self.assertEqual(self.run_app('GET', f'{base}/v1/items/19', options=enforced), ['200'])  # of the same form
            # one more thing: stopped at exactly that
            more = ('GET', f'{base}/v1/models', 'DELETE', f'{base}/v1/models', 'GET', f'{base}/v2/models', 'GET', f'{base}/v1/items/x',
                    'GET', f'http://other.test:{port}/v1/models')
            self.assertEqual(self.run_app(*more, options=enforced), ['200', '403', '403', '403', 'none'])
            self.assertEqual(self.immure('policy', 'replay', str(policy), '--app', 'victim').code, 0)
        done = self.immure('audit', 'show', '--json', '--app', 'victim')
        self.assertIn('"mode":"audit"', done.text)
        self.assertIn('"policy_hash":"sha256:', done.text)

    def test_another_policy_flips(self):
        with origin() as port:
            self.assertEqual(self.run_app('GET', f'http://api.test:{port}/', options=('--audit',)), ['200'])
        policy = pathlib.Path(self.folder) / 'no.rego'
        policy.write_text('package immure\ndefault decision := {"verdict": "deny", "rule": "never"}\n')
        policy.chmod(0o644)
        self.assertEqual(self.immure('policy', 'replay', str(policy), '--app', 'victim').code, 1)

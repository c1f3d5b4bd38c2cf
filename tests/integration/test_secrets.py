# SPDX-License-Identifier: Apache-2.0
"""Secrets: the program has placeholders, the servers that are meant get the values, nobody else anything."""
import base64
import gzip
import json
import pathlib
import re
import shutil
import unittest

import support
from servers import Secure, make_authority
from support import PYTHON, as_root_and_user

VALUE = 'sk-live-7b/"q\\9+x'  # what URLs and JSON escape
PART = 'sk-live-7b'  # what no escaping changes
PLACEHOLDER = r'IMMURE_SECRET_[0-9a-f]{32}'


def echo(head, body):
    """What came, as text, and in a field."""
    found = re.search(rb'\r?\nX-Key: ([^\r\n]*)', head)
    return 200, [('Content-Type', 'text/plain'), ('X-Echo', found.group(1).decode() if found else '-')], head + body


@unittest.skipIf(shutil.which('openssl') is None or shutil.which('curl') is None, 'needs openssl and curl')
class Rig(support.Tests):
    def setUp(self):
        super().setUp()
        self.root, self.pem = make_authority(self.make_folder('tls'), 'a.test', 'b.test')
        self.env['KEY'] = VALUE

    def options(self, *more, hosts=('a.test', 'b.test')):
        return ('--upstream-ca', str(self.root), '--allow-private', '127.0.0.1', *more,
                *(word for host in hosts
                  for word in ('--allow-host', host, '--add-host', f'{host}:127.0.0.1')))

    def sent(self, script, server, *more, secret=('--secret', 'KEY@a.test'), **options):
        """Run a shell script; $U is https://a.test:PORT, $V the same of b.test. Return: what it printed, with
        the placeholder as <KEY>."""
        done = self.sh(f'U=https://a.test:{server.port} V=https://b.test:{server.port}\n' + script,
                       *self.options(*secret, *more), **options)
        self.assertNotIn(VALUE, done.text + done.errors)
        return re.sub(PLACEHOLDER, '<KEY>', done.text)

    def config(self, **secret):
        text = json.dumps({'network': {'secrets': {'KEY': secret}}})
        return ('-c', self.make_file('immure.json', text))


@as_root_and_user
class Outside(Rig):
    def test_in_a_header(self):
        with Secure(echo, self.pem) as server:
            out = self.sent('echo $KEY; curl -sSi -H "X-Key: $KEY" -H "Authorization: Bearer $KEY" $U/x', server)
        self.assertEqual(out.splitlines()[0], '<KEY>')
        self.assertIn(f'X-Key: {VALUE}'.encode(), server.requests[0])
        self.assertIn(f'Authorization: Bearer {VALUE}'.encode(), server.requests[0])
        self.assertNotIn(b'IMMURE_SECRET', server.requests[0])
        self.assertIn('X-Echo: <KEY>', out)  # B4
        self.assertIn('X-Key: <KEY>', out.split('\r\n\r\n')[1])
        self.assertIn('Transfer-Encoding: chunked', out)

    def test_no_value_on_this_side(self):
        """B8: not in the environment, the settings, the logs, nor the listing."""
        with Secure(echo, self.pem) as server:
            vm_id = self.start(*self.options('--secret', 'KEY@a.test'))
            done = self.immure('exec', vm_id, 'sh', '-c', f'env; curl -sS -H "X-Key: $KEY" https://a.test:{server.port}')
            self.assert_code(done, 0)
            told = done.text + self.immure('get', vm_id).text + self.immure('logs', vm_id).text
            self.immure('kill', vm_id)
        self.assertIn(VALUE.encode(), server.requests[0])
        self.assertNotIn(VALUE, told)
        for path in pathlib.Path(self.state).rglob('*'):
            if path.is_file():
                self.assertNotIn(PART.encode(), path.read_bytes(), path)

    def test_basic_query_and_body(self):
        secret = self.config(env='KEY', hosts=['a.test'], where=['query', 'basic', 'body'])
        with Secure(echo, self.pem) as server:
            out = self.sent('curl -sS -u "me:$KEY" "$U/p?k=$KEY&l=1"; '
                            'curl -sS -d "k=$KEY&l=2" $U/form; '
                            'curl -sS -H "Content-Type: application/json" -d "{\\"k\\":\\"$KEY\\"}" $U/json; '
                            'curl -sS -H "Content-Type: text/plain" -d "$KEY" $U/text', server, secret=secret)
        quoted = b'sk-live-7b%2F%22q%5C9%2Bx'
        first, form, as_json, text = server.requests
        self.assertIn(b'GET /p?k=' + quoted + b'&l=1 HTTP/1.1', first)
        self.assertIn(base64.b64encode(f'me:{VALUE}'.encode()), first)
        self.assertTrue(form.endswith(b'k=' + quoted + b'&l=2'), form)
        self.assertEqual(json.loads(as_json.split(b'\n\n')[-1].splitlines()[-1])['k'], VALUE)
        self.assertTrue(text.endswith(VALUE.encode()), text)
        for hidden in (quoted, base64.b64encode(f'me:{VALUE}'.encode())):
            self.assertNotIn(hidden.decode(), out)
        self.assertEqual(out.count('<KEY>'), 4, out)  # and the fourth in base64

    def test_refused(self):
        """B1, B2, B6: another host, another place, no TLS; nothing arrives."""
        rows = ['-H "X-Key: $KEY" $V/', '-H "Cookie: a=$KEY; b" $V/', '"$V/?k=$KEY"', '"$U/?k=$KEY"', '"$U/$KEY"',
                '-u "me:$KEY" $U/', '-u "me:$KEY" $V/', '-d "$KEY" $U/', '-d "k=$KEY" $V/', '-H "$KEY: x" $U/',
                '-H "X-Key: $KEY" http://a.test:%d/', '-H "X-Key: %%49${KEY#I}" $V/', '-T big $V/',
                '-H "Transfer-Encoding: chunked" -T big $V/', '-H "X-Key: IMMURE_SECRET_$(printf %%032d 7)" $U/']
        with Secure(echo, self.pem) as server, Secure(echo) as plain:
            script = '(head -c 300000 /dev/zero; echo $KEY; head -c 100000 /dev/zero) >big\n' + '\n'.join(
                'curl -s -o /dev/null -w "%{http_code}\n" ' + (row % plain.port if '%' in row and 'http:' in row
                                                              else row.replace('%%', '%')) for row in rows)
            out = self.sent(script, server)
            self.assertEqual(dict(zip(rows, out.split())), dict.fromkeys(rows, '403'))
            self.assertEqual(server.requests + plain.requests, [])

    def test_told(self):
        """A refusal is an event, without the value."""
        with Secure(echo, self.pem) as server:
            settings = {'network': {'allowed_hosts': ['a.test', 'b.test'], 'ca_file': str(self.root),
                                    'allow_private': ['127.0.0.1'],
                                    'hosts': {'a.test': '127.0.0.1', 'b.test': '127.0.0.1'},
                                    'secrets': {'KEY': {'value': VALUE, 'hosts': ['a.test']}}},
                        'env': {'TOKEN': '${KEY}'}}
            with self.sandbox(settings) as sandbox:
                events = []
                sandbox.on_event(events.append)
                done = sandbox.exec(['sh', '-c', f'''test "$KEY" = "$TOKEN" && echo same
                    curl -s -H "X-Key: $TOKEN" https://a.test:{server.port}/good
                    curl -s -H "X-Key: $TOKEN" https://b.test:{server.port}/bad'''])
                facts = support.eventually(lambda: [
                    e['network'] for e in list(events) if e['type'] == 'network' and '/bad' in e['network']['url']])
                written = list(pathlib.Path(self.state).rglob('config.json'))
                self.assertEqual(len(written), 1)
                for path in written:
                    self.assertIn('KEY', path.read_text())
                    self.assertNotIn(PART, path.read_text())
        self.assertTrue(done['stdout'].startswith('same\n'), done)
        self.assertEqual(len(server.requests), 1)
        self.assertIn(VALUE.encode(), server.requests[0])
        self.assertEqual(facts[0]['status_code'], 403)
        self.assertIn('placeholder', facts[0]['reason'])
        self.assertNotIn(PART, json.dumps(events) + json.dumps(done))

    def test_origins(self):
        path = self.make_file('key', VALUE + '\n')
        with Secure(echo, self.pem) as server:
            for origin in ({'file': path}, {'command': f'cat {path}'}, {'value': VALUE}, {'env': 'KEY'}):
                with self.subTest(origin):
                    self.sent('curl -sS -H "X-Key: $KEY" $U', server,
                              secret=self.config(hosts=['a.test'], **origin))
                    self.assertIn(f'X-Key: {VALUE}'.encode(), server.requests.pop())


@as_root_and_user
class Inside(Rig):
    """What comes back."""

    def test_other_bodies(self):
        """B9: what is no text is not touched, whatever is in it."""
        packed = gzip.compress(VALUE.encode() * 99)
        bodies = {'/gzip': ([('Content-Type', 'text/plain'), ('Content-Encoding', 'gzip')], packed),
                  '/binary': ([('Content-Type', 'application/octet-stream')], VALUE.encode() * 7 + bytes(range(256))),
                  '/text': ([('Content-Type', 'text/plain')], bytes(range(256)) * 4096)}

        def answer(head, _):
            fields, body = bodies[head.split()[1].decode()]
            return 200, fields, body
        with Secure(answer, self.pem) as server:
            script = 'for p in gzip binary text; do curl -sS -H "X-Key: $KEY" --raw $U/$p | sha256sum; done'
            script = script.replace('--raw ', '')
            out = self.sent(script, server)
        import hashlib
        self.assertEqual([line.split()[0] for line in out.splitlines()],
                         [hashlib.sha256(body).hexdigest() for _, body in bodies.values()])

    def test_split_text(self):
        """A value over the edges of reads and records; lengths are right, the connection goes on."""
        text = ('x' * 16380 + VALUE) * 40
        with Secure(lambda *_: (200, [('Content-Type', 'application/json')], text.encode()), self.pem) as server:
            out = self.sent('curl -sS -H "X-Key: $KEY" $U/1 $U/2; curl -sS --http1.0 -H "X-Key: $KEY" $U/3; '
                            'curl -sSI -H "X-Key: $KEY" $U/4', server)
        want = text.replace(VALUE, '<KEY>')
        self.assertEqual(out[:3 * len(want)], want * 3)
        self.assertIn(f'Content-Length: {len(text)}', out[3 * len(want):])

    def test_no_pieces(self):
        """What would let a value come back compressed or in parts is not asked for."""
        with Secure(echo, self.pem) as server:
            self.sent('curl -sS --compressed -r 0-3 $U; curl -sS --compressed -r 0-3 $V', server)
        self.assertNotRegex(server.requests[0], rb'(?i)accept-encoding|range')
        self.assertRegex(server.requests[1], rb'(?i)accept-encoding')
        self.assertRegex(server.requests[1], rb'(?i)range')

    def test_large_upload(self):
        """Searched bodies arrive as they are."""
        script = ('import hashlib,ssl,http.client,os,sys\n'
                  'body = os.urandom(3 << 20) + b"%49MMURE_SECRET_ I%" * 1000\n'
                  'c = http.client.HTTPSConnection("b.test", int(sys.argv[1]))\n'
                  'c.request("POST", "/", body)\n'
                  'print(c.getresponse().read().decode() == hashlib.sha256(body).hexdigest())')
        import hashlib
        with Secure(lambda _, body: (200, [], hashlib.sha256(body).hexdigest().encode()), self.pem) as server:
            done = self.run_in(PYTHON, '-c', script, str(server.port), options=self.options('--secret', 'KEY@a.test'))
        self.assert_prints(done, 'True\n')


@as_root_and_user
class Without(Rig):
    def test_other_sandboxes(self):
        """A sandbox without secrets has no placeholders: what looks like one passes, unsearched."""
        mark = 'IMMURE_SECRET_' + '0' * 32
        with Secure(echo, self.pem) as server:
            done = self.sh(f'curl -sS -H "X-Key: {mark}" -d "{mark}" "https://a.test:{server.port}/{mark}?{mark}"',
                           *self.options())
        self.assertEqual(done.text.count(mark), 4, done)
        self.assertEqual(server.requests[0].count(mark.encode()), 4)


@as_root_and_user
class Settings(Rig):
    def test_refusals(self):
        rows = [(('--secret', 'KEY'), 'write NAME@HOST'), (('--secret', 'KEY=sk-oops@a.test'), 'write NAME@HOST'),
                (('--secret', 'NONE@a.test'), 'NONE.env: this variable is not set'),
                (('--secret', 'KEY@c.test'), 'c.test" may not be reached'),
                (('--secret', 'KEY@a.test', '-e', 'KEY'), 'env.KEY: is a secret'),
                (('--secret', 'K-1@a.test'), 'a name holds only')]
        for words, why in rows:
            done = self.immure('run', *self.options(*words), '--', 'true')
            self.assert_refused(done, why)
            self.assertNotIn('sk-oops', done.errors)
        for value in ('live\r\nX: y', 'live\n', 'abc', 'x' * 9000):  # B5
            self.env['KEY'] = value
            self.assert_refused(self.immure('run', *self.options('--secret', 'KEY@a.test'), '--', 'true'), 'KEY.env: it ')

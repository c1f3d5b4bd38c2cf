# SPDX-License-Identifier: Apache-2.0
"""immure why: what was refused, and what would allow it; the advice is followed, and it works."""
import json
import os
import re
import shlex

import support
from servers import Server, answering
from support import PYTHON, as_root_and_user, eventually
from test_network import LOOPBACK

UDP = r'''
import socket
for _ in range(5):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.9", 443))
    except OSError:
        pass
'''


@as_root_and_user
class Why(support.Tests):
    def why(self, *words):
        done = self.immure('why', *words)
        self.assert_code(done, 0)
        return done.text

    def refused(self, *words):
        """By url."""
        value = self.immure('why', '--json', *words).json()
        return {one['url']: one for one in value['refused']}

    def advice(self, *words):
        """The options that it proposes, as words."""
        return [shlex.split(line) for line in re.findall(r'^  allow:  (--.*)$', self.why(*words), re.M)]

    def curl(self, url, *options, more=()):
        return self.run_in('curl', '-sS', '-m', '5', *more, url, options=options)

    def test_whose_it_was(self):
        self.curl('http://1.2.3.4/')
        self.assertRegex(self.why(), r'\n  by:     /usr/bin/curl \(PID [0-9]+\)\n')
        self.assertEqual(self.refused()['tcp://1.2.3.4:80']['process']['program'], '/usr/bin/curl')

    def test_nothing(self):
        self.assertEqual(self.immure('why').code, 1)
        self.run_in('true')
        self.assertRegex(self.why('last'), r'^vm-[0-9a-f]{8}: true: nothing was refused\n$')
        self.assertEqual(self.refused(), {})

    def test_unknown(self):
        for word, said in (('vm-00000000', 'no such sandbox'), ('x', 'an ID looks like'),
                           ('req-00000001', 'no refusal with the id')):
            done = self.immure('why', word)
            self.assertEqual(done.code, 1)
            self.assertIn(said, done.errors)

    def test_a_name_and_where_it_leads(self):
        """A host that is not allowed, then one that is private: each advice is a step on."""
        with Server(answering(b'hello')) as server:
            url, options = f'http://a.test:{server.port}/', ['--add-host', 'a.test:127.0.0.1']
            for wanted in (['--allow-host', 'a.test'], ['--allow-private', '127.0.0.1']):
                self.curl(url, *options)
                self.assertIn(wanted, self.advice())
                options += wanted
            self.assert_prints(self.curl(url, *options), 'hello')
        self.assertIn('nothing was refused', self.why())

    def test_a_private_name(self):
        self.curl('http://a.test/', '--allow-host', 'a.test', '--add-host', 'a.test:10.99.98.97')
        self.assertEqual(self.advice(), [['--allow-private', 'a.test']])

    def test_an_address_and_its_port(self):
        self.curl('http://8.8.8.8:5432/')
        self.assertEqual(self.advice(), [['--allow-host', '8.8.8.8:5432']])
        self.curl('http://[2606:4700::1]:22/')
        self.assertEqual(self.advice(), [['--allow-host', '[2606:4700::1]:22']])

    def test_what_is_no_http(self):
        with Server(lambda connection: connection.sendall(b'hello')) as server:
            options = [*LOOPBACK, '--allow-host', 'a.test', '--add-host', 'a.test:127.0.0.1']
            script = f'import socket; s = socket.create_connection(("a.test", {server.port})); s.sendall(b"x" * 64); print(s.recv(9))'
            self.run_in(PYTHON, '-c', script, options=options)
            advice = self.advice()
            self.assertEqual(advice, [['--allow-host', f'a.test:{server.port}']])
            self.assertIn("b'hello'", self.run_in(PYTHON, '-c', script, options=options + advice[0]).text)

    def test_udp(self):
        self.run_in(PYTHON, '-c', UDP)
        one = self.refused()['udp://192.0.2.9:443']
        self.assertEqual((one['count'], one['remedy'], one['method']), (5, None, 'UDP'))
        self.assertIn('no setting allows UDP', self.why())

    def test_a_method_and_its_id(self):
        """The rule that is proposed is taken up, and the request of the answer is found by its id."""
        with Server(answering(b'hello')) as server:
            rules = ['{host: a.test, methods: [GET]}']

            def run():
                self.make_file('immure.yaml', 'network: {hosts: {a.test: 127.0.0.1}, allow_private: [127.0.0.1], '
                               f'rules: [{", ".join(rules)}]}}')
                return self.curl(f'http://a.test:{server.port}/v1/it%27s?secret=1', '-c',
                                 f'{self.folder}/immure.yaml', more=('-X', 'DELETE'))
            envelope = run().json()
            self.assertEqual(envelope['error_code'], 'policy_denied')
            text = self.why(envelope['request_id'])
            self.assertIn('a.test allows GET only, not DELETE', text)
            self.run_in('true')
            again = self.why(envelope['request_id'])
            self.assertEqual(re.sub('  when:.*', '', again), re.sub('  when:.*', '', text))
            rules += re.findall(r'^ *- (\{.*\})$', text, re.M)
            self.assertEqual(len(rules), 2, text)
            self.assert_prints(run(), 'hello')

    def test_the_id_of_a_flow(self):
        envelope = self.curl('http://192.0.2.1/').json()
        self.assertIn('no network is allowed to this sandbox', self.why(envelope['request_id']))

    def test_equal_ones_are_counted(self):
        self.sh('for i in 1 2 3 4; do curl -s http://192.0.2.1/; curl -s http://192.0.2.2/; done')
        self.assertEqual({url: one['count'] for url, one in self.refused().items()},
                         {'tcp://192.0.2.1:80': 4, 'tcp://192.0.2.2:80': 4})
        self.assertEqual(len(re.findall('4 times', self.why())), 2)

    def test_while_it_runs(self):
        process = self.popen('run', '--', 'sh', '-c', 'curl -s http://192.0.2.1/ >/dev/null; echo done; cat')
        self.assertEqual(self.started(process), 'done')
        self.assertTrue(eventually(self.refused))
        self.assertIn('tcp://192.0.2.1:80', self.why())

    def test_only_the_latest(self):
        self.sh('for i in $(seq 30); do curl -s http://192.0.2.$i/; done >/dev/null')
        self.assertEqual(len(re.findall('^CONNECT', self.why(), re.M)), 20)
        self.assertIn('(10 before these: immure why --all vm-', self.why())
        self.assertEqual(len(re.findall('^CONNECT', self.why('--all'), re.M)), 30)

    def test_what_is_said_at_the_end(self):
        """Only to a terminal, of a program that failed, and if there is a record to look at."""
        def end(script, *options, tty=True):
            done = self.immure('run', *options, '--', 'sh', '-c', script, tty=tty)
            return re.findall(r'immure: (.*); say: (immure why vm-[0-9a-f]{8})', done.text + done.errors)
        get = 'curl -s http://192.0.2.1/ >/dev/null; '
        (said,) = end(get + get + 'exit 3')
        self.assertEqual(said[0], '2 things were refused')
        self.assertIn('192.0.2.1', self.immure(*said[1].split()[1:]).text)
        self.assertEqual(end(get + 'exit 3')[0][0], '1 thing was refused')
        for script, options, tty in ((get + 'exit 3', (), False), (get, (), True), ('exit 3', (), True),
                                     (get + 'exit 3', ('--rm',), True)):
            self.assertEqual(end(script, *options, tty=tty), [])

    def test_rm(self):
        self.curl('http://192.0.2.1/')
        (vm,) = self.listed()
        folder = os.path.join(self.state, 'vms', vm['id'])
        self.assertEqual(os.stat(f'{folder}/refused.jsonl').st_mode & 0o7777, 0o600)
        self.assertEqual(self.immure('rm', vm['id']).code, 0)
        self.assertFalse(os.path.exists(folder))
        self.assertEqual(self.immure('why', vm['id']).code, 1)

    def test_a_damaged_record(self):
        self.curl('http://192.0.2.1/')
        path = os.path.join(self.state, 'vms', self.listed()[0]['id'], 'refused.jsonl')
        with open(path, 'ab') as file:
            file.write(b'{"type":\0\xff\x1b[2J\n' + b'x' * 100000 + b'\n[' * 100)
        text = self.why()
        self.assertIn('tcp://192.0.2.1:80', text)
        self.assertNotIn('\x1b', text)
        with open(path, 'ab') as file:
            file.write(b'\n' * (1 << 20))
        self.assertEqual(self.immure('why').code, 0)
        os.unlink(path)
        os.mkfifo(path)
        self.assertIn('nothing was refused', self.why())

    def test_the_event_has_the_id(self):
        with self.sandbox({}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            done = sandbox.exec(['curl', '-s', 'http://192.0.2.1/'])
            envelope = json.loads(done['stdout'])
            self.assertTrue(eventually(lambda: [event for event in list(events) if event['type'] == 'network' and
                                                event['network'].get('request_id') == envelope['request_id']]))

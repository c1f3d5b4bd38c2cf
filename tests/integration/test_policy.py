# SPDX-License-Identifier: Apache-2.0
"""A policy in Rego decides, in a process of its own; what goes wrong with it is denied."""
import itertools
import os
import pathlib
import signal
import tarfile
import threading

import support
from servers import Server, answering
from support import as_root_and_user, descendants, eventually

HEAD = 'package immure\n'
SUMMARY = 'input.request_summary'
# by which GET /open... of a.test is allowed, and nothing else
OPEN = HEAD + f'''
default decision := {{"verdict": "deny", "rule": "nothing else", "reasons": ["it is not among what is open"]}}
decision := {{"verdict": "allow", "rule": "a.test"}} if {{
    {SUMMARY}.action != "http.request"
    {SUMMARY}.resource.host == "a.test"
}}
decision := {{"verdict": "allow", "rule": "open"}} if {{
    {SUMMARY}.resource.method == "GET"
    startswith({SUMMARY}.resource.path, "/open")
}}
'''
A_TEST = HEAD + 'decision := {"verdict": "allow", "rule": "all"%s} if ' + f'{SUMMARY}.resource.host == "a.test"\n'


class Rig(support.Tests):
    numbers = itertools.count()

    def policy(self, text, name='mine.rego'):
        path = pathlib.Path(self.make_folder(f'policy-{next(self.numbers)}')) / name
        path.write_text(text)
        return path

    def get(self, policy, *urls, options=(), port=None):
        """What curl gets by @policy for each of @urls of a.test: the statuses, or 000."""
        words = [word for url in urls for word in ('-o', '/dev/null', url.replace('PORT', str(port)))]
        done = self.run_in('curl', '-s', '-m', '20', '-w', '%{http_code} ', *words,
                           options=('--policy', str(policy), '--add-host', 'a.test:127.0.0.1', '--allow-private', '127.0.0.1', *options))
        self.assertNotEqual(done.code, 125, done)
        return done.text.split()


@as_root_and_user
class Policy(Rig):
    def test_it_decides(self):
        policy = self.policy(OPEN)
        with Server(answering(b'hello')) as server:
            got = self.get(policy, *(f'http://a.test:PORT/{path}' for path in ('open/1', 'shut', 'open/1', 'open/2?x', 'shut')), port=server.port)
        self.assertEqual(got, ['200', '403', '200', '200', '403'])
        done = self.immure('why', 'last')
        self.assertRegex(done.text, r'GET http://a.test:\d+/shut\n  why: +it is not among what is open\n(.*\n)*?  rule: +nothing else\n'
                                    r'  when: +2 times.*\n  allow: +the policy decides \(--policy FILE\): change it there')

    def test_without_settings_nothing_else_is_reached(self):
        done = self.run_in('sh', '-c', 'curl -sS http://b.test/; curl -sS -m 5 http://192.0.2.1/', options=('--policy', str(self.policy(OPEN))))
        self.assertIn('Could not resolve host: b.test', done.errors)
        self.assertIn('it is not among what is open', done.text)

    def test_no_policy_passes_the_guard_of_addresses(self):
        policy = self.policy(HEAD + 'decision := {"verdict": "allow"}\n')
        with Server(answering(b'hello')) as server:
            done = self.run_in('curl', '-s', '-m', '5', f'http://a.test:{server.port}/', f'http://127.0.0.1:{server.port}/',
                               options=('--policy', str(policy), '--add-host', 'a.test:127.0.0.1'))
            self.assertNotEqual(done.code, 0)
            self.assertNotIn('hello', done.text)
        self.assertIn('loopback', self.immure('why', 'last').text)

    def test_the_settings_are_data(self):
        policy = self.policy(HEAD + 'import data.immure.standard\n'
                             f'decision := {{"verdict": "deny", "rule": "mine"}} if {SUMMARY}.resource.path == "/no"\nelse := standard.decision\n')
        with Server(answering(b'hello')) as server:
            got = self.get(policy, 'http://a.test:PORT/yes', 'http://a.test:PORT/no', options=('--allow-host', 'a.test'), port=server.port)
        self.assertEqual(got, ['200', '403'])
        self.assertEqual(self.get(policy, 'http://a.test:9/yes'), ['000'])

    def test_a_folder_and_a_bundle(self):
        folder = self.policy(HEAD + 'import data.mine.hosts\nimport data.known\n'
                             f'decision := {{"verdict": "allow"}} if {{ {SUMMARY}.resource.host in hosts; known }}\n', 'a.rego').parent
        (folder / 'b.rego').write_text('package mine\nhosts := {"a.test"}\n')
        (folder / 'b_test.rego').write_text('package no rego at all')
        (folder / 'data.json').write_text('{"known": true}')
        bundle = folder / 'all.tar.gz'
        with tarfile.open(bundle, 'w:gz') as tar:
            for name in ('a.rego', 'b.rego', 'data.json'):
                tar.add(folder / name, name)
        for policy in (folder, bundle):
            with self.subTest(policy), Server(answering(b'hello')) as server:
                self.assertEqual(self.get(policy, 'http://a.test:PORT/', port=server.port), ['200'])

    def test_obligations(self):
        count = ', "obligations": {"quotas": [{"rule": "two", "requests_per_minute": 2}], "response_bytes": 100}'
        with Server(answering(b'x' * 100)) as server:
            got = self.get(self.policy(A_TEST % count), *['http://a.test:PORT/'] * 3, port=server.port)
        self.assertEqual(got, ['200', '200', '429'])
        with Server(answering(b'x' * 101)) as server:
            got = self.get(self.policy(A_TEST % count), 'http://a.test:PORT/', port=server.port)
        self.assertEqual(got, ['502'])

    def test_what_cannot_be_loaded(self):
        empty = pathlib.Path(self.make_folder('empty'))
        for text, why in (
                ('package immure\ndecision := {\n', r'policy: mine.rego:3'),
                ('package immure\ndecision := no.such(1)\n', r'policy: mine.rego:2'),
                ('package other\n', r'policy: the policy has no rule data.immure.decision'),
                ('', r'policy: mine.rego')):
            with self.subTest(text):
                self.assert_refused(self.sh('true', '--policy', str(self.policy(text))), why)
        for path, why in ((empty, 'has no .rego file'), (empty / 'none.rego', 'No such file'), ('/dev/null', 'no regular file'),
                          (self.policy('', 'a.txt'), 'neither .rego')):
            with self.subTest(path):
                self.assert_refused(self.sh('true', '--policy', str(path)), why)

    def test_it_is_not_shared_for_writing(self):
        policy = self.policy(OPEN)
        done = self.sh('true', '--policy', str(policy), '-v', f'{policy.parent}:/tmp/up')
        self.assert_refused(done, 'holds the --config file or the policy')


@as_root_and_user
class Broken(Rig):
    """THREATS A29: the process that decides is dead, slow, or says nonsense."""

    def test_nonsense(self):
        for decision, why in (('{"verdict": "maybe"}', 'none of allow, deny and ask'), ('"allow"', 'is no object'), ('true', 'is no object'),
                              ('{"verdict": "allow", "obligations": {"mask": true}}', 'mask is none of its members'),
                              ('{"verdict": "allow", "rule": 1 / (2 - 2)}', 'says nothing of this|failed')):
            with self.subTest(decision):
                self.assertEqual(self.get(self.policy(HEAD + f'decision := {decision}\n'), 'http://a.test:9/'), ['000'])
                self.assertRegex(self.immure('why', 'last').text, why)

    def test_slow(self):
        slow = 'count([1 | some a in numbers.range(1, 4000); some b in numbers.range(1, 4000); a == b]) > 0'
        policy = self.policy(A_TEST % '' + f'decision := {{"verdict": "allow"}} if {{ {SUMMARY}.resource.host == "b.test"; {slow} }}\n')
        with Server(answering(b'hello')) as server:
            got = self.get(policy, 'http://b.test:9/', 'http://a.test:PORT/', port=server.port)
        self.assertEqual(got, ['000', '200'])
        self.assertIn('took too long', self.immure('why', 'last').text)

    def test_dead(self):
        """It is killed while the program runs: whoever asks then waits for the next one."""
        with Server(answering(b'hello')) as server, self.sandbox({
                'policy': str(self.policy(A_TEST % ', "reasons": [input.request_id]')),
                'network': {'allow_private': ['127.0.0.1'], 'hosts': {'a.test': '127.0.0.1'}}}) as sandbox:
            for _ in range(3):
                done = sandbox.exec(['curl', '-sS', '-m', '20', f'http://a.test:{server.port}/'])
                self.assertEqual(done['stdout'], 'hello', done)
                judges = [pid for pid in descendants(os.getpid()) if is_judge(pid)]
                self.assertEqual(len(judges), 1)
                os.kill(judges[0], signal.SIGKILL)
                eventually(lambda gone=judges[0]: not is_judge(gone))

    def test_it_dies_of_a_question(self):
        """A chain of rules that is deeper than its stack; what is asked behind it is answered."""
        depth = 20000
        chain = ''.join(f'r{i} := r{i + 1}\n' for i in range(depth)) + f'r{depth} := "b"\n'
        policy = self.policy(A_TEST % '' + f'decision := {{"verdict": "allow", "rule": r0}} if {SUMMARY}.resource.host == "b.test"\n' + chain)
        with Server(answering(b'hello')) as server:
            got = self.get(policy, 'http://a.test:PORT/', 'http://b.test:9/', 'http://a.test:PORT/', options=('--add-host', 'b.test:127.0.0.1'), port=server.port)
        self.assertEqual(got, ['200', '000', '200'])
        self.assertIn('its engine broke', self.immure('why', 'last').text)


def is_judge(pid):
    try:
        return os.readlink(f'/proc/{pid}/exe').endswith('/immure-judge')
    except OSError:
        try:
            with open(f'/proc/{pid}/comm', encoding='ascii') as comm:
                return comm.read().startswith('immure-judge')
        except OSError:
            return False


@as_root_and_user
class Modes(Rig):
    """enforce, ask and audit; who is asked answers over JSON-RPC."""

    def box(self, mode, **settings):
        self.events = []
        self.answer = None
        box = self.sandbox({'mode': mode, 'network': {'allow_private': ['127.0.0.1'], 'hosts': {'a.test': '127.0.0.1', 'b.test': '127.0.0.1'}},
                            **settings})

        def heard(event):
            self.events.append(event)
            if event['type'] == 'consent_request' and self.answer:
                threading.Thread(target=box.call, args=('consent_reply', {'id': event['consent']['id'], 'answer': self.answer})).start()
        box.on_event(heard)
        return box

    def told(self, kind):
        return [event[event_key(kind)] for event in self.events if event['type'] == kind]

    def fetch(self, box, url, *words):
        return box.exec(['curl', '-s', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', *words, url])['stdout']

    def test_audit_allows_and_records(self):
        with Server(answering(b'hello')) as server, self.box('audit') as box:
            self.assertEqual(self.fetch(box, f'http://a.test:{server.port}/x'), '200')
            eventually(lambda: [one for one in self.told('network') if one['method'] == 'GET'])
            request = next(one for one in self.told('network') if one['method'] == 'GET')
            self.assertEqual((request['blocked'], request['would_block'], request['rule']), (False, True, 'default'), request)
            # the guard of addresses is not the policy's
            self.assertEqual(self.fetch(box, f'http://10.0.0.1:{server.port}/'), '403')

    def test_ask(self):
        with Server(answering(b'hello')) as server, self.box('ask') as box:
            url = f'http://a.test:{server.port}/x'
            self.answer = 'once'
            self.assertEqual(self.fetch(box, url), '200')
            question = self.told('consent_request')[0]
            self.assertEqual({key: question[key] for key in ('action', 'host', 'port', 'url', 'app')},
                             {'action': 'net.connect', 'host': 'a.test', 'port': server.port, 'url': f'tcp://a.test:{server.port}', 'app': ''})
            self.assertRegex(question['process']['program'], 'curl')
            self.answer = 'deny'
            self.assertEqual(self.fetch(box, url), '403')
            self.answer = 'run'
            self.assertEqual(self.fetch(box, url), '200')
            self.answer = None
            self.assertEqual(self.fetch(box, url), '200')
            self.assertEqual(len(self.told('consent_request')), 3)
            # it was for that host and port alone (THREATS C27)
            self.answer = 'deny'
            self.assertEqual(self.fetch(box, f'http://b.test:{server.port}/x'), '403')
            self.assertEqual([one['answer'] for one in self.told('consent_settled')], ['once', 'deny', 'run', 'deny'])

    def test_no_yes_passes_the_guard(self):
        """THREATS C28."""
        with self.box('ask') as box:
            self.answer = 'run'
            self.assertEqual(self.fetch(box, 'http://10.0.0.1/'), '403')
            self.assertEqual(len(self.told('consent_request')), 1)

    def test_a_flood_of_questions(self):
        """THREATS C26: eight are open at a time."""
        with self.box('ask') as box:
            script = 'for p in 1 2 3 4 5 6 7 8 9 10 11 12; do curl -s -m 4 -o /dev/null -w "%{http_code} " http://a.test:$p/ & done; wait'
            done = box.exec(['sh', '-c', script])
            self.assertEqual(sorted(done['stdout'].split()), ['000'] * 8 + ['403'] * 4, done)
            self.assertEqual(len(self.told('consent_request')), 8)

    def test_the_same_is_asked_once(self):
        with Server(answering(b'hello')) as server, self.box('ask') as box:
            script = f'for i in 1 2 3 4 5; do curl -s -m 20 -o /dev/null -w "%{{http_code}} " http://a.test:{server.port}/ & done; wait'
            threading.Timer(1, lambda: box.call('consent_reply', {'id': self.told('consent_request')[0]['id'], 'answer': 'once'})).start()
            done = box.exec(['sh', '-c', script])
            self.assertEqual(done['stdout'].split(), ['200'] * 5, done)
            self.assertEqual(len(self.told('consent_request')), 1)

    def test_the_mode_changes_while_it_runs(self):
        with Server(answering(b'hello')) as server, self.box('audit') as box:
            url = f'http://a.test:{server.port}/x'
            self.assertEqual(self.fetch(box, url), '200')
            box.call('set_mode', {'mode': 'enforce'})
            self.assertEqual(self.fetch(box, url), '403')
            box.call('set_mode', {'mode': 'ask'})
            threading.Timer(1, lambda: box.call('set_mode', {'mode': 'audit'})).start()
            self.assertEqual(self.fetch(box, url), '200')  # it waited for an answer
            self.assertEqual(len(self.told('consent_request')), 1)
            with self.assertRaisesRegex(support.immure.SandboxError, 'mode must be one of'):
                box.call('set_mode', {'mode': 'all'})

    def test_the_mode_by_command(self):
        vm_id = self.start('--audit', '--add-host', 'a.test:127.0.0.1', '--allow-private', '127.0.0.1', '--', 'sleep', '100')
        with Server(answering(b'hello')) as server:
            fetch = ('exec', vm_id, '--', 'curl', '-s', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', f'http://a.test:{server.port}/')
            self.assert_prints(self.immure(*fetch), '200')
            self.assert_prints(self.immure('mode', vm_id, 'enforce'), '')
            self.assert_prints(self.immure(*fetch), '403')
        self.assert_refused(self.immure('mode', vm_id, 'free'), 'mode must be one of audit, ask, enforce')
        self.assert_refused(self.immure('mode', 'vm-00000000', 'audit'), 'vm-00000000')

    def test_a_policy_asks(self):
        """In any mode but audit; about a request by its method and path."""
        policy = self.policy(HEAD + f'decision := {{"verdict": "ask", "rule": "delete", "reasons": ["it takes away"]}} if {SUMMARY}.resource.method == "DELETE"\n'
                             'else := {"verdict": "allow"}\n')
        with Server(answering(b'hello')) as server, self.box('enforce', policy=str(policy)) as box:
            url = f'http://a.test:{server.port}/thing?x=1'
            self.assertEqual(self.fetch(box, url), '200')
            self.answer = 'run'
            self.assertEqual(self.fetch(box, url, '-XDELETE'), '200')
            question = self.told('consent_request')[0]
            self.assertEqual((question['action'], question['method'], question['url'], question['reason']),
                             ('http.request', 'DELETE', url, 'it takes away'))
            self.answer = 'deny'
            self.assertEqual(self.fetch(box, url + '2', '-XDELETE'), '403')  # another one
            self.assertEqual(self.fetch(box, url, '-XDELETE'), '200')

    def test_an_engine_that_breaks_is_no_silence_of_the_policy(self):
        """What a yes to the host covers, a failure does not: that is not what no rule speaks of."""
        chain = ''.join(f'r{i} := r{i + 1}\n' for i in range(20000)) + 'r20000 := "b"\n'
        policy = self.policy(HEAD + f'decision := {{"verdict": "allow", "rule": r0}} if {SUMMARY}.resource.method == "DELETE"\n' + chain)
        with Server(answering(b'hello')) as server, self.box('ask', policy=str(policy)) as box:
            url = f'http://a.test:{server.port}/'
            self.answer = 'run'
            self.assertEqual(self.fetch(box, url), '200')  # of which the policy says nothing
            self.assertEqual(len(self.told('consent_request')), 1)
            self.assertEqual(self.fetch(box, url, '-XDELETE'), '403')
            self.assertEqual(self.fetch(box, url), '200')
            self.assertEqual(len(self.told('consent_request')), 1)

    def test_never_holds_though_the_program_did_not_wait(self):
        with self.box('ask') as box:
            box.exec(['curl', '-s', '-m', '1', 'http://a.test:9/'])
            box.call('consent_reply', {'id': self.told('consent_request')[0]['id'], 'answer': 'deny_always'})
            self.assertEqual(self.fetch(box, 'http://a.test:9/'), '403')
            self.assertEqual(len(self.told('consent_request')), 1)

    def test_nobody_to_ask(self):
        done = self.run_in('curl', '-s', '-m', '20', '-w', '%{http_code}', 'http://a.test/', options=('--ask', '--add-host', 'a.test:127.0.0.1'))
        self.assertRegex(done.text, '403$')
        self.assertIn('nobody is there', self.immure('why', 'last').text)


def event_key(kind):
    return kind.split('_', maxsplit=1)[0]

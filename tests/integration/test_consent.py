# SPDX-License-Identifier: Apache-2.0
"""Consent that lasts: what is answered with "always" holds in the next sandbox of that app, for just that (THREATS C25 to C28)."""
import json
import os
import pathlib
import sqlite3
import threading
import time

import support
from servers import Server, answering
from support import as_root_and_user, eventually

SUMMARY = 'input.request_summary'
# asks about each request to a.test
ASKS = f'''package immure
decision := {{"verdict": "allow", "rule": "flows"}} if {SUMMARY}.action != "http.request"
decision := {{"verdict": "ask", "rule": "requests"}} if {SUMMARY}.action == "http.request"
'''
# allows what data.consent has
DATA = f'''package immure
import data.consent
decision := {{"verdict": "allow", "rule": "data"}} if {{
    some port, grants in consent.hosts[{SUMMARY}.resource.host]
    some grant in grants
    grant.effect == "allow"
}}
'''


class Rig(support.Tests):
    def box(self, answer=None, app='codex', mode='ask', **settings):
        """A sandbox whose owner answers each question with @answer; None: no answer."""
        self.events = []
        self.answer = answer
        given = {'app': app} if app else {}
        box = self.sandbox({'mode': mode, 'network': {'allow_private': ['127.0.0.1'], 'hosts': {'a.test': '127.0.0.1', 'b.test': '127.0.0.1'}},
                            **given, **settings})

        def heard(event):
            self.events.append(event)
            if event['type'] == 'consent_request':
                answer = self.answer or 'deny'
                threading.Thread(target=box.call, args=('consent_reply', {'id': event['consent']['id'], 'answer': answer})).start()
        box.on_event(heard)
        return box

    def told(self, kind='consent_request'):
        return [event for event in self.events if event['type'] == kind]

    def fetch(self, box, url, *words):
        return box.exec(['curl', '-s', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', *words, url])['stdout']

    def consent(self, *words, code=0):
        done = self.immure('consent', *words)
        self.assert_code(done, code)
        return done.text

    def kept(self, *words):
        return json.loads(self.consent('list', '--json', *words))

    def alter(self, text):
        with sqlite3.connect(os.path.join(self.state, 'consent.db')) as database:
            database.execute(text)
        database.close()
        if os.getuid() == 0:
            for path in pathlib.Path(self.state).glob('consent.db*'):
                os.chown(path, self.identity.uid, self.identity.uid)


@as_root_and_user
class Consent(Rig):
    def test_always(self):
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/x'
            with self.box('always') as box:
                self.assertEqual([self.fetch(box, url), self.fetch(box, url)], ['200', '200'])
                self.assertEqual(len(self.told()), 1)
            (one,) = self.kept()
            self.assertEqual({key: one[key] for key in ('app', 'effect', 'action', 'host', 'port', 'method', 'target', 'expires', 'by', 'uid')},
                             {'app': 'codex', 'effect': 'allow', 'action': 'net.connect', 'host': 'a.test', 'port': server.port, 'method': None,
                              'target': None, 'expires': None, 'by': 'rpc', 'uid': self.identity.uid})
            with self.box() as box:
                self.assertEqual(self.fetch(box, url), '200')
                self.assertEqual(self.told(), [])
                # THREATS C27: not another host, nor another port
                self.assertEqual(self.fetch(box, f'http://b.test:{server.port}/x'), '403')
                self.assertEqual(self.fetch(box, 'http://a.test:1/x'), '403')
                self.assertEqual(len(self.told()), 2)
            with self.box(app='other') as box:
                self.assertEqual(self.fetch(box, url), '403')
                self.assertEqual(len(self.told()), 1)
            with self.box(mode='enforce') as box:  # nothing is asked, so there is no answer to it
                self.assertEqual(self.fetch(box, url), '000')
            self.consent('revoke', str(one['id']))
            self.assertEqual(self.kept(), [])
            with self.box() as box:
                self.assertEqual(self.fetch(box, url), '403')
                self.assertEqual(len(self.told()), 1)

    def test_deny_always(self):
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/x'
            with self.box('deny_always') as box:
                self.assertEqual([self.fetch(box, url), self.fetch(box, url)], ['403', '403'])
                self.assertEqual(len(self.told()), 1)
            self.assertEqual([one['effect'] for one in self.kept('--app', 'codex')], ['deny'])
            with self.box('once') as box:
                self.assertEqual(self.fetch(box, url), '403')
                self.assertEqual(self.told(), [])
            self.consent('revoke', '--app', 'codex')
            with self.box('once') as box:
                self.assertEqual(self.fetch(box, url), '200')

    def test_it_is_kept_though_the_sandbox_ends(self):
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/x'
            with self.box('always') as box:
                box.exec(['sh', '-c', f'curl -s {url}; kill 1'])
        self.assertEqual(len(self.kept()), 1)

    def test_not_longer_than_said(self):
        with Server(answering(b'hello')) as server:
            for answer in ('once', 'run', 'deny'):
                with self.box(answer) as box:
                    self.fetch(box, f'http://a.test:{server.port}/x')
            with self.box('always', app=None) as box:  # whose would it be?
                url = f'http://a.test:{server.port}/x'
                self.assertEqual([self.fetch(box, url), self.fetch(box, url)], ['200', '200'])
                self.assertEqual([one['consent']['answer'] for one in self.told('consent_settled')], ['run'])
        self.assertFalse(os.path.exists(os.path.join(self.state, 'consent.db')))

    def test_by_hand(self):
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/x'
            self.assertEqual(self.consent('grant', '--app', 'codex', f'A.test:{server.port}'), '1\n')
            with self.box() as box:
                self.assertEqual(self.fetch(box, url), '200')
            self.assertEqual(self.consent('grant', '--app', 'codex', '--deny', f'a.test:{server.port}'), '1\n')
            with self.box('once') as box:
                self.assertEqual(self.fetch(box, url), '403')
                self.assertEqual(self.told(), [])

    def test_it_ends(self):
        """Also while a sandbox runs, which began with it."""
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/x'
            with self.box() as box:  # takes its time
                self.assertEqual(self.fetch(box, url), '403')
            self.consent('grant', '--app', 'codex', '--for', '6s', f'a.test:{server.port}')
            ends = self.kept()[0]['expires']
            with self.box() as box:
                self.assertEqual(self.fetch(box, url), '200')
                time.sleep(max(0, ends - time.time()) + 0.2)
                self.assertEqual(self.fetch(box, url), '403')
                self.assertEqual(len(self.told()), 1)
            self.assertEqual(self.kept(), [])

    def test_a_request(self):
        """THREATS C27: not with another method, path or query."""
        policy = pathlib.Path(self.make_folder('policy')) / 'asks.rego'
        policy.write_text(ASKS)
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/x'
            with self.box('always', policy=str(policy)) as box:
                self.assertEqual(self.fetch(box, url + '?y=1'), '200')
            (one,) = self.kept()
            self.assertEqual((one['action'], one['method'], one['target'], one['scheme']), ('http.request', 'GET', '/x?y=1', 'http'))
            self.assertIn(f'GET http://a.test:{server.port}/x?y=1 ', self.consent('list'))
            with self.box(policy=str(policy)) as box:
                self.assertEqual(self.fetch(box, url + '?y=1'), '200')
                self.assertEqual(self.told(), [])
                for words in ((url,), (url + '?y=2',), (url + '/', ), (url + '?y=1', '-X', 'DELETE')):
                    self.assertEqual(self.fetch(box, *words), '403', words)
                self.assertEqual(len(self.told()), 4)

    def test_data_of_a_policy(self):
        policy = pathlib.Path(self.make_folder('policy')) / 'data.rego'
        policy.write_text(DATA)
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/x'
            for app, wanted in (('codex', '200'), ('other', '000')):
                self.consent('grant', '--app', 'codex', f'a.test:{server.port}')
                with self.box(app=app, mode='enforce', policy=str(policy)) as box:
                    self.assertEqual(self.fetch(box, url), wanted, app)

    def test_no_yes_passes_the_guard(self):
        """THREATS C28."""
        with Server(answering(b'hello')) as server:
            for place in ('10.0.0.1:80', '169.254.169.254:80', f'c.test:{server.port}'):
                self.consent('grant', '--app', 'codex', place)
            with self.box(network={'hosts': {'c.test': '127.0.0.1'}}) as box:
                for place in ('10.0.0.1', '169.254.169.254', f'c.test:{server.port}'):
                    self.assertEqual(self.fetch(box, f'http://{place}/'), '403', place)
                self.assertEqual(self.told(), [])

    def test_damage(self):
        """It is asked again, and both the event and the question say why."""
        self.consent('grant', '--app', 'codex', 'a.test:80')
        pathlib.Path(self.state, 'consent.db').write_bytes(b'no database at all, ' * 100)
        with Server(answering(b'hello')) as server:
            with self.box('always') as box:
                self.assertEqual(self.fetch(box, f'http://a.test:{server.port}/x'), '200')
                self.assertIn('cannot be read', self.told()[0]['consent']['reason'])
                eventually(lambda: self.told('consent_unkept'))
                self.assertIn('cannot be kept', self.told('consent_unkept')[-1]['reason'])
        self.assertIn('damaged', self.immure('consent', 'list').errors)
        self.assertEqual(self.immure('consent', 'list').code, 125)

    def test_what_is_shown(self):
        """THREATS C25: whatever the file holds."""
        self.consent('grant', '--app', 'codex', 'a.test:80')
        self.alter("UPDATE consent SET host = 'a' || char(27) || '[2Jb'")
        done = self.immure('consent', 'list')
        self.assertNotIn(b'\x1b', done.out + done.err)
        self.assertIn('damaged', done.errors)
        self.assertNotEqual(done.code, 0)

    def test_words(self):
        for words, said in ((['shew'], "there is no 'shew'"), (['list', '--deny'], 'takes no --deny'), (['list', 'x'], 'one word too many'),
                            (['grant', 'a.test:80'], 'say --app'), (['grant', '--app', 'x'], 'HOST:PORT'), (['grant', '--app', 'X', 'a.test:80'], '--app'),
                            (['grant', '--app', 'x', 'a.test'], 'no HOST:PORT'), (['grant', '--app', 'x', '*.test:80'], '*.test:80'),
                            (['grant', '--app', 'x', '--for', 'ever', 'a.test:80'], '--for'), (['revoke'], 'say IDs'),
                            (['revoke', '--app', 'x', '1'], 'say IDs')):
            done = self.immure('consent', *words)
            self.assertEqual(done.code, 125, words)
            self.assertIn(said, done.errors)
        self.consent('revoke', '1', code=1)
        self.assertEqual(self.consent('list'), '')
        self.consent('grant', '--app', 'x', '[2001:DB8::1]:443')
        self.assertRegex(self.consent('list'), r'1 +x +allow +tcp://\[2001:db8::1\]:443 +by cli .* expires never')
        self.consent('revoke', '2', code=1)
        self.consent('revoke', '--app', 'y', code=1)
        self.consent('revoke', '1')

# SPDX-License-Identifier: Apache-2.0
"""immure policy: policies are checked, tested, shown and explained, without a sandbox."""
import json
import os

import support
from support import as_root_and_user

GOOD = '''package immure

import data.immure.lib

decision := lib.allow("docs", "may be read") if {
	print("asked for", lib.resource.host)
	lib.request_to(["docs.test:443"])
	lib.read_only
} else := lib.otherwise
'''
TEST = '''package immure_test

test_read if data.immure.decision.verdict == "deny" with input as {"mode": "enforce", "request_summary": {"action": "exec", "resource": {}}}

test_wrong if data.immure.decision.verdict == "allow" with input as {"mode": "enforce", "request_summary": {"action": "exec", "resource": {}}}
'''


@as_root_and_user
class Policy(support.Tests):
    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def policy(self, *words, code=0):
        done = self.immure('policy', *words)
        self.assert_code(done, code)
        return done

    def explain(self, path, *words, code=0):
        return self.policy('explain', path, '--action', 'http.request', '--host', 'docs.test', *words, code=code)

    def test_shipped(self):
        self.assertRegex(self.policy('test').text, r'^PASS: (\d+)/\1\n$')
        names = [line.split()[0] for line in self.policy('show').text.splitlines()]
        self.assertIn('default', names)
        self.assertGreaterEqual(len(names), 8)
        for name in names:
            self.assertIn('package immure', self.policy('show', name).text)
            self.policy('check', self.file(f'{name}.rego', self.policy('show', name).text))

    def test_check(self):
        good, bad = self.file('good.rego', GOOD), self.file('bad.rego', 'package immure\ndecision := {1, 2')
        other = self.file('other.rego', 'package immure\nx := 1')
        self.assertEqual(self.policy('check', good).text, f'{good}: ok\n')
        self.assertIn('bad.rego:2:18: ', self.policy('check', good, bad, code=1).errors)
        self.assertIn('no rule data.immure.decision', self.policy('check', other, code=1).errors)
        self.assertIn('No such file', self.policy('check', good + 'x', code=1).errors)
        rows = json.loads(self.policy('check', '--json', good, bad, code=1).text)
        self.assertEqual([(row['ok'], row['line']) for row in rows], [(True, 0), (False, 2)])

    def test_test(self):
        self.file('good.rego', GOOD)
        test = self.file('good_test.rego', TEST)
        for place in (test, self.folder):
            text = self.policy('test', place, code=1).text
            self.assertIn('data.immure_test.test_wrong: FAIL', text)
            self.assertIn('PASS: 1/2\nFAIL: 1/2\n', text)
        rows = json.loads(self.policy('test', '--json', test, code=1).text)
        self.assertEqual([row['result'] for row in rows], ['PASS', 'FAIL'])
        self.assertIn('there are no tests', self.policy('test', self.file('none.rego', GOOD), code=125).errors)

    def test_explain(self):
        path = self.file('good.rego', GOOD)
        done = self.explain(path)
        self.assertEqual(done.text, 'allow (docs)\n  may be read\n')
        self.assertIn('asked for docs.test', done.errors)
        self.assertTrue(self.explain(path, '--method', 'PUT').text.startswith('deny (default)'))
        self.assertTrue(self.explain(path, '--port', '80', '--mode', 'ask').text.startswith('ask (default)'))
        self.assertEqual(json.loads(self.explain(path, '--json').text)['verdict'], 'allow')
        # what is no decision denies, and is said to be none
        for text, said in (('decision := 1', 'is no decision'), ('decision := 1 if false', 'is undefined'),
                           ('decision := {"verdict": 2}', 'is no decision')):
            done = self.explain(self.file('odd.rego', f'package immure\n{text}\n'), code=125)
            self.assertIn(said, done.errors)

    def test_words(self):
        for words, said in ((['chek'], "there is no 'chek'"), (['check'], 'which files'), (['check', '--host', 'x'], 'takes no --host'),
                            (['show', 'x'], "no template 'x'"), (['explain', 'default'], '--action'),
                            (['explain', 'default', '--action', 'exec', '--mode', 'x'], '--mode'),
                            (['explain', 'default', '--action', 'net.connect', '--host', 'a..b'], '--host'),
                            (['explain', 'default', '--action', 'net.connect', '--port', '65536'], '--port')):
            self.assertIn(said, self.policy(*words, code=125).errors)

# SPDX-License-Identifier: Apache-2.0
"""immure policy suggest, replay, diff: from what was recorded to a policy, and policies held against it."""
import json
import os
import subprocess

import support
from support import as_root_and_user

PUT = os.path.join(os.path.dirname(support.BINARY), '../../tests/audit_put')


def name(host, decision='allow', mode='enforce'):
    return (decision, mode, 'dns.query', host, 0, 'dns', '', '')


def flow(host, port, decision='allow', mode='enforce'):
    return (decision, mode, 'net.connect', host, port, 'tcp', '', '')


def request(host, method, path, decision='allow', mode='enforce', port=443, protocol='https'):
    return (decision, mode, 'http.request', host, port, protocol, method, path)


RECORDING = [
    name('api.test'), flow('api.test', 443), request('api.test', 'GET', '/users/1'), request('api.test', 'GET', '/users/2'),
    request('api.test', 'POST', '/login'), request('api.test', 'GET', '/socket', protocol='wss'),
    *(name(f'{shard}.cdn.test') for shard in 'abc'),
    *(request(f'{shard}.github.io', 'GET', '/') for shard in 'abc'),
    name('git.test'), flow('git.test', 22),
    request('evil.test', 'POST', '/steal', decision='deny'),
    request('shy.test', 'GET', '/asked', decision='ask', mode='audit'),
    request('never.test', 'GET', '/', decision='ask', mode='ask'),
]

WIDE = 'package immure\ndecision := {"verdict": "allow", "rule": "all"}\n'
NARROW = '''package immure
default decision := {"verdict": "deny", "rule": "none"}
decision := {"verdict": "allow", "rule": "names"} if input.request_summary.action == "dns.query"
decision := {"verdict": "allow", "rule": "never"} if input.request_summary.resource.host == "no.such.test"
'''


@as_root_and_user
class Learning(support.Tests):
    def record(self, entries, log='vm-a1b2c3d4', app='codex'):
        if not os.path.exists(self.state):
            os.mkdir(self.state, 0o700)
            os.chown(self.state, self.identity.uid, self.identity.uid)
        lines = ''.join('\t'.join(map(str, entry)) + '\n' for entry in entries)
        subprocess.run([*self.identity.prefix, PUT, self.state, log, *([app] if app else [])], check=True, input=lines.encode())

    def policy(self, *words, code=0):
        done = self.immure('policy', *words)
        self.assert_code(done, code)
        return done

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def test_words(self):
        self.record(RECORDING)
        for words, said in ((['sugest'], "there is no 'sugest'"), (['suggest'], '--app'), (['replay', '--app', 'codex'], 'which file?'),
                            (['diff', '--app', 'codex', 'x'], 'which two files'), (['suggest', '--app', 'codex', '--json'], 'takes no --json'),
                            (['suggest', '--app', 'codex', '--since', 'x'], '--since'), (['suggest', '--sandbox', 'vm-a1b2c3d4', '-o', '.'], 'names'),
                            (['replay', '--app', 'codex', '/none.rego'], '/none.rego')):
            self.assertIn(said, self.policy(*words, code=125 if words[-1] != '/none.rego' else 1).errors)
        self.assertIn('nothing is recorded', self.policy('suggest', '--app', 'claw', code=1).errors)

    def test_nothing(self):
        self.assertIn('no audit log yet', self.policy('suggest', '--app', 'codex', code=1).errors)

    def test_suggest(self):
        self.record(RECORDING)
        done = self.policy('suggest', '--app', 'codex', '--wildcards')
        granted = {line[27:].split('  ')[0] for line in done.errors.splitlines()}
        self.assertEqual(granted, {
            'look up api.test', 'connect to api.test:443', 'GET https://api.test:443/users/{number}', 'POST https://api.test:443/login',
            'GET wss://api.test:443/socket', 'look up *.cdn.test', 'look up git.test', 'connect (no request read) to git.test:22',
            *(f'{what}{shard}.github.io{more}' for shard in 'abc' for what, more in (('look up ', ''), ('connect to ', ':443'), ('GET https://', ':443/'))),
            'look up shy.test', 'connect to shy.test:443', 'GET https://shy.test:443/asked'})
        self.assertIn('#   http.request "evil.test" port 443 "POST" "/steal": vm-a1b2c3d4:', done.text)
        self.assertIn('#   http.request "never.test"', done.text)
        self.assertIn('"/login", # once only, is it needed? vm-a1b2c3d4:8', done.text)
        self.assertEqual(self.policy('suggest', '--app', 'codex', '--wildcards', '--table').text, done.errors)
        self.assertEqual([line for line in done.text.splitlines() if 'raw' in line and not line.lstrip().startswith('#')], [])
        listed = self.policy('suggest', '--app', 'codex')
        self.assertNotIn('*.', listed.errors)
        self.assertIn('"a.cdn.test", # once only, is it needed? vm-a1b2c3d4:', listed.text)
        self.assertEqual(listed.text.count('; with --wildcards one of those below "cdn.test"'), 3)

    def test_denied_narrows(self):
        """What was denied is not granted by what was allowed beside it."""
        self.record([request('api.test', 'GET', '/users/1'), request('api.test', 'GET', '/users/2', decision='deny'),
                     request('api.test', 'GET', '/users/3'), *(name(f'{shard}.cdn.test') for shard in 'abc'), name('d.cdn.test', decision='deny')])
        made = self.policy('suggest', '--app', 'codex', '--wildcards')
        self.assertNotIn('[0-9]', made.text)
        self.assertNotIn('*.', made.errors)
        self.assertIn('0 calls flip', self.policy('replay', '--app', 'codex', self.file('made.rego', made.text)).text)

    def test_files(self):
        self.record(RECORDING)
        folder = os.path.join(self.folder, 'out')
        os.mkdir(folder)
        os.chown(folder, self.identity.uid, self.identity.uid)
        self.policy('suggest', '--app', 'codex', '-o', folder)
        self.assertEqual(sorted(os.listdir(folder)), ['codex.rego', 'codex_test.rego'])
        made = os.path.join(folder, 'codex.rego')
        self.assertIn('File exists', self.policy('suggest', '--app', 'codex', '-o', folder, code=125).errors)
        done = self.policy('replay', '--app', 'codex', made)
        self.assertIn('0 calls flip', self.policy('diff', '--app', 'codex', made, folder).text)
        self.assertIn('0 calls flip', done.text)
        self.assertNotIn('never fired', done.text)
        self.record([request('api.test', 'GET', '/users/7')], log='vm-00000002', app='less')
        self.assertEqual(self.policy('replay', '--app', 'less', made).text.count('never fired: '), 9)

    def test_replay(self):
        self.record(RECORDING)
        wide, narrow = self.file('wide.rego', WIDE), self.file('narrow.rego', NARROW)
        flips = json.loads(self.policy('replay', '--app', 'codex', '--json', wide, code=1).text)['flips']
        self.assertEqual({(flip['host'], flip['from'], flip['to'], flip['rule']) for flip in flips},
                         {('evil.test', 'deny', 'allow', 'all'), ('never.test', 'deny', 'allow', 'all')})
        done = json.loads(self.policy('replay', '--app', 'codex', '--json', narrow, code=1).text)
        self.assertEqual({(rule['rule'], rule['verdict']): (rule['entries'], rule['flips']) for rule in done['rules']},
                         {('names', 'allow'): (5, 0), ('none', 'deny'): (12, 10)})
        self.assertEqual([(one['line'], one['file'].rsplit('/', 1)[-1]) for one in done['never_fired']], [(4, 'narrow.rego')])
        text = self.policy('replay', '--app', 'codex', narrow, code=1).text
        self.assertIn('allow -> deny by none: http.request POST https://api.test:443/login  1 entries: vm-a1b2c3d4:8', text)
        self.assertIn('never fired: ', text)
        self.record([name('only.test')], log='vm-00000002', app='mild')
        self.policy('replay', '--app', 'mild', narrow)
        self.policy('replay', '--sandbox', 'vm-00000002', narrow)

    def test_diff(self):
        self.record(RECORDING)
        wide, narrow = self.file('wide.rego', WIDE), self.file('narrow.rego', NARROW)
        self.assertIn('0 calls flip', self.policy('diff', '--app', 'codex', wide, wide).text)
        done = json.loads(self.policy('diff', '--app', 'codex', '--json', wide, narrow, code=1).text)
        self.assertEqual({flip['from'] + flip['to'] for flip in done['flips']}, {'allowdeny'})
        self.assertEqual(sum(flip['entries'] for flip in done['flips']), 12)
        self.assertIn('broken.rego:1', self.policy('diff', '--app', 'codex', wide, self.file('broken.rego', 'package immure {'), code=125).errors)

    def test_what_programs_choose(self):
        """Nothing that a path holds gets out of its place in the policy, or into the terminal."""
        evil = ['/x"}\\u000aallowed', '/`', '/$"{1}', '/\\', '/{{', '/x\x1b[31m', '/\u202e', '/a b', '/' + 'a' * 3000]
        self.record([request('api.test', 'GET', path) for path in evil] + [request('a"\x1b.test', 'GET', '/')])
        done = self.policy('suggest', '--app', 'codex')
        for text in (done.text, done.errors):
            self.assertTrue(all(c == '\n' or c == '\t' or ' ' <= c <= '~' for c in text))
        self.assertIn('5 entries have no form that could be granted', done.text)
        made = self.file('made.rego', done.text)
        replayed = json.loads(self.policy('replay', '--app', 'codex', '--json', made).text)
        self.assertEqual(replayed['calls'], 5)

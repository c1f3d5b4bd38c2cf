# SPDX-License-Identifier: Apache-2.0
"""immure audit: what was recorded is shown, counted, exported and verified. The log is made by a program of the tests."""
import csv
import io
import json
import os
import shutil
import subprocess
import time

import support
from support import PYTHON, as_root_and_user

WRITER = os.path.join(os.path.dirname(support.BINARY), '../../tests/audit_writer')
SCHEMA = os.path.join(os.path.dirname(__file__), '../../docs/schemas/audit-entry.v1.json')


@as_root_and_user
class Audit(support.Tests):
    def write(self, effects, log='vm-a1b2c3d4', *more):
        if not os.path.exists(self.state):
            os.mkdir(self.state, 0o700)
            os.chown(self.state, self.identity.uid, self.identity.uid)
        subprocess.run([*self.identity.prefix, WRITER, self.state, log, str(effects), *map(str, more)], check=True,
                       stdout=subprocess.DEVNULL)

    def audit(self, *words, code=0):
        done = self.immure('audit', *words)
        self.assert_code(done, code)
        return done.text

    def lines(self, *words):
        return [json.loads(line) for line in self.audit(*words).splitlines()]

    def log(self, name='vm-a1b2c3d4'):
        return os.path.join(self.state, 'audit', f'{name}.jsonl')

    def read(self, name):
        with open(self.log(name), encoding='ascii') as log:
            return log.read()

    def test_nothing(self):
        for word in ('show', 'stats', 'verify', 'reindex'):
            self.assertIn('there is no audit log yet', self.immure('audit', word).errors)

    def test_words(self):
        for words, said in ((['shew'], "there is no 'shew'"), (['verify', '--host', 'x'], 'takes no --host'),
                            (['show', 'x'], 'one word too many'), (['show', '--kind', 'x'], "no kind 'x'"),
                            (['show', '--since', 'never'], '--since'), (['show', '--since', '2262-04-12'], 'after 2261'),
                            (['show', '--since', '9999-12-31'], 'after 2261'), (['show', '--since', '1600-01-01'], 'before 1678'),
                            (['show', '--since', '200000d'], 'before 1678'), (['show', '--since', '99999999999999d'], 'before 1678'), (['show', '--limit', 'x'], '--limit'),
                            (['export'], '--format'), (['export', '--format', 'xml'], '--format')):
            done = self.immure('audit', *words)
            self.assertEqual(done.code, 125, words)
            self.assertIn(said, done.errors)

    def test_show(self):
        self.write(100)
        text = self.audit('show')
        self.assertEqual(len(text.splitlines()), 50)
        self.assertRegex(text, r'vm-a1b2c3d4  allow  http\.request  GET https://host-\d+\.example\.com/\S+  200  100/2000 octets')
        for words, count in ((['--limit', '0'], 100), (['--limit', '7'], 7), (['--denied'], 10), (['--app', 'codex', '-n', '0'], 66),
                             (['--kind', 'dns'], 20), (['--host', 'host-4?.example.com'], 10), (['--host', 'none'], 0),
                             (['--sandbox', 'vm-a1b2c3d4', '-n0'], 100), (['--sandbox', 'vm-00000000'], 0),
                             (['--since', '1h', '-n0'], 100), (['--since', '2099-01-01'], 0),
                             (['--since', '2261-12-31'], 0), (['--since', '30000d', '-n0'], 100), (['--since', '1700-01-01', '-n0'], 100)):
            self.assertEqual(len(self.audit('show', *words).splitlines()), count, words)
        entries = self.lines('show', '--json', '--limit', '0')
        self.assertEqual(len(entries), 190)
        self.assertEqual({entry['phase'] for entry in entries}, {'begin', 'end', 'event'})

    def test_stats(self):
        self.write(100)
        self.assertIn('100 effects, 10 denied, 9000 octets sent, 180000 received', self.audit('stats'))
        value = json.loads(self.audit('stats', '--json'))
        self.assertEqual({one['name']: one['effects'] for one in value['kind']}, {'net': 40, 'dns': 20, 'fs': 20, 'exec': 20})

    def test_exports(self):
        self.write(20)
        wanted = [line for line in self.read('vm-a1b2c3d4').splitlines() if '"checkpoint"' not in line]
        self.assertEqual(sorted(self.audit('export', '--format', 'jsonl').splitlines()), sorted(wanted))
        rows = list(csv.DictReader(io.StringIO(self.audit('export', '--format', 'csv'))))
        self.assertEqual(len(rows), 20)
        self.assertEqual((rows[0]['action'], rows[0]['status_code'], rows[0]['latency_ms']), ('http.request', '200', '12.345'))
        classes = {'http.request': (4002, 3), 'dns.query': (4003, 1), 'net.connect': (4001, 1), 'fs.write': (1001, 3), 'exec': (1007, 1)}
        for row, event in zip(rows, self.lines('export', '--format', 'ocsf')):
            wanted, activity = classes[row['action']]
            self.assertEqual(event['class_uid'], wanted)
            self.assertEqual(event['category_uid'], wanted // 1000)
            self.assertEqual(event['type_uid'], wanted * 100 + event['activity_id'])
            self.assertEqual(event['activity_id'], activity)
            self.assertEqual(event['metadata']['version'], '1.3.0')
            self.assertEqual(event['action_id'], 2 if row['decision'] == 'deny' else 1)
            self.assertGreater(event['time'], 1.6e12)

    def test_verify(self):
        self.write(3000, 'vm-a1b2c3d4', 1, 500000)
        self.assertRegex(self.audit('verify'), r'^fine: \d+ lines of 1 logs in [3-9] files')
        self.assertTrue(json.loads(self.audit('verify', '--json'))['ok'])
        self.audit('verify', self.log())
        with open(self.log('vm-a1b2c3d4.2'), 'r+', encoding='ascii') as log:
            lines = log.readlines()
            log.seek(0)
            log.writelines([*lines[:2], lines[2].replace('example', 'Example'), *lines[3:]])
        self.assertIn('broken: vm-a1b2c3d4.2.jsonl, line 4: the line before it', self.audit('verify', code=1))
        fault = json.loads(self.audit('verify', '--json', code=1))['faults'][0]
        self.assertEqual((fault['file'], fault['line']), ('vm-a1b2c3d4.2.jsonl', 4))
        self.assertIn('line 4', self.audit('verify', self.log('vm-a1b2c3d4.2'), code=1))
        self.audit('verify', self.log())

    def test_verify_says_the_key(self):
        self.write(3)
        folder = os.path.join(self.state, 'audit')
        with open(os.path.join(folder, 'key.pub'), encoding='ascii') as file:
            key = file.read().strip()
        own, beside = 'audit/key.pub of the state folder', 'key.pub beside the file'
        away = os.path.join(self.folder, os.path.basename(self.log()))
        shutil.copy(self.log(), away)
        os.chown(away, self.identity.uid, self.identity.uid)
        for words, source in (([], own), ([self.log()], beside), ([away], own)):
            self.assertIn(f'looked at with the key {key}, {source}\n', self.audit('verify', *words))
            verdict = json.loads(self.audit('verify', '--json', *words))
            self.assertEqual((verdict['key'], verdict['key_from']), (key, source))

    def test_the_index_is_made_anew(self):
        self.write(20)
        self.audit('show')
        index = os.path.join(self.state, 'audit', 'index.db')
        with open(index, 'r+', encoding='ascii') as file:
            file.write('rubbish and more of it')
        self.assertEqual(len(self.audit('show').splitlines()), 20)
        self.audit('reindex')
        self.assertEqual(len(self.audit('show').splitlines()), 20)

    def test_follow(self):
        self.write(3)
        process = self.popen('audit', 'show', '--follow')
        for _ in range(3):
            process.stdout.readline()
        self.write(2, 'vm-00000001')
        self.assertIn(b'allow', process.stdout.readline())
        process.terminate()
        process.wait()

    def follow(self, count, *words):
        """What is shown of @count effects at first, and what comes later, behind one more that is written then."""
        process = self.popen('audit', 'show', '--follow', *words)
        first = [process.stdout.readline() for _ in range(count)]
        time.sleep(1)  # it looks again every 0.25 s
        self.write(1, 'vm-00000009')
        later = [process.stdout.readline()]
        time.sleep(1)
        process.terminate()
        out, errors = process.communicate()
        return b''.join(first), b''.join([*later, out]), errors

    def test_follow_of_what_came_in_before(self):
        """An older log that was indexed last is no news."""
        self.write(5)
        os.rename(self.log(), self.log() + '.away')
        self.write(3, 'vm-00000001')
        self.audit('show')
        os.rename(self.log() + '.away', self.log())
        _, later, _ = self.follow(1, '--limit', '1')
        self.assertEqual(len(later.splitlines()), 1, later)

    def test_follow_of_a_log_that_does_not_read(self):
        self.write(5)
        self.write(3, 'vm-00000001')
        self.audit('show')
        with open(self.log(), 'a', encoding='ascii') as log:
            log.write('{}\n')
        _, later, errors = self.follow(8)
        self.assertEqual(len(later.splitlines()), 1, later)
        self.assertEqual(errors.count(b'do not read to their end'), 1, errors)

    def test_schema(self):
        """Real lines are as the schema says, and it allows no more fields than there are."""
        check = ('import json, sys, jsonschema\n'
                 'validator = jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))\n'
                 'for line in sys.stdin:\n'
                 '    validator.validate(json.loads(line))\n'
                 '    assert not validator.is_valid(dict(json.loads(line), more=1))\n')
        self.write(20)
        text = ''.join(self.read(name) for name in ('vm-a1b2c3d4', 'ledger'))
        subprocess.run([PYTHON, '-c', check, SCHEMA], input=text, check=True, text=True)

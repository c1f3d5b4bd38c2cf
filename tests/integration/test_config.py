# SPDX-License-Identifier: Apache-2.0
"""immure.yaml: what it sets, and errors that say file, line and reason."""
import os

import support
from support import as_root_and_user


@as_root_and_user
class Config(support.Tests):
    def run_with(self, text, *words, options=()):
        path = self.make_file('immure.yaml', text)
        return path, self.run_in(*(words or ('true',)), options=['--config', path, *options])

    def test_settings(self):
        shared = self.make_folder('shared')
        self.make_file('shared/f', 'shared')
        _, done = self.run_with(f'''\
# a comment
working_dir: /data
user: 0
hostname: walls
env: {{A: one, B: "two"}}
resources:
  memory_mb: 512
allow_degraded: [limits]
vfs:
  direct_mounts:
    /mnt: {{host_path: {shared}, readonly: true}}
  mounts:
    /data: {{type: memory}}
''', 'sh', '-c', 'pwd; id -u; hostname; echo $A $B; cat /mnt/f; echo x > /data/f')
        self.assert_prints(done, '/data\n0\nwalls\none two\nshared')

    def test_options_are_laid_over_it(self):
        _, done = self.run_with('env: {A: one, B: two}\nuser: 0\n', 'sh', '-c', 'echo $A $B; id -u',
                                options=['--env', 'A=three', '--user', '5'])
        self.assert_prints(done, 'three two\n5\n')

    def test_json_is_yaml(self):
        _, done = self.run_with('{"env": {"A": "json"}}', 'printenv', 'A')
        self.assert_prints(done, 'json\n')

    def test_an_empty_file_sets_nothing(self):
        for text in ('', '# nothing\n', '---\n'):
            with self.subTest(text):
                self.assert_code(self.run_with(text)[1], 0)

    def test_a_source_that_is_not_there(self):
        """The setting is named, as RPC's create names it."""
        _, done = self.run_with('vfs:\n  direct_mounts:\n    /mnt/x: {host_path: /no/such}\n')
        self.assert_refused(done, r'vfs\.direct_mounts\./mnt/x\.host_path: /no/such: No such file')
        self.assert_refused(self.immure('run', '-v', '/no/such:/mnt/x', '--', 'true'), '/mnt/x.host_path: /no/such: No such')

    def test_errors(self):
        cases = [
            ('imagination: 1\n', 1, 'imagination'),
            ('user: 0\n\nresources:\n  cpu: 1\n', 4, 'cpu'),
            ('user: 0\nuser: 1\n', 2, 'user'),
            ('env: {A: x}\nresources: {cpus: two}\n', 2, 'cpus'),
            ('resources:\n  memory_mb: -5\n', 2, 'memory_mb'),
            ('resources:\n  timeout_seconds: 1.5\n', 2, 'timeout_seconds'),
            ('user: yes\n', 1, 'user'),
            ('env:\n  A: x\n  B: [1]\n', 3, 'B'),
            ('env:\n  "A=B": x\n', 2, 'A=B'),
            ('vfs:\n  mounts:\n    data: {type: memory}\n', 3, 'data'),
            ('vfs:\n  mounts:\n    /data: {type: magic}\n', 3, 'magic'),
            ('vfs:\n  mounts:\n    /data: {}\n', 3, 'type'),
            ('vfs:\n  mounts:\n    /proc/x: {type: memory}\n', 3, '/proc'),
            ('working_dir: relative\n', 1, 'working_dir'),
            ('hostname: "a b"\n', 1, 'hostname'),
            ('image: no-such-image\n', 1, 'image'),
            ('- 1\n', 1, '.'),
            ('just text\n', 1, '.'),
            ('user: 0\n  bad: [\n', 2, '.'),
            ('user: 0\nenv: {A: "open\n', None, '.'),
            ('user: 0\n---\nuser: 1\n', None, '.'),
            ('a: &a [*a]\n', None, '.'),
            ('user: !!python/object:os.system 0\n', None, '.'),
            ('user: 0\nenv: {A: "\\0"}\n', 2, '.'),
            (b'user: 0\nhostname: \xff\n', None, '.'),
        ]
        for text, line, reason in cases:
            with self.subTest(text):
                path, done = self.run_with(text)
                where = os.path.basename(path) + (f':{line}:' if line else ':')
                self.assert_refused(done, reason)
                self.assertIn(where, done.errors)

    def test_bombs_are_refused(self):
        laughs = 'a: &a [x,x,x,x,x,x,x,x,x]\n' + ''.join(
            f'{b}: &{b} [{",".join(["*" + a] * 9)}]\n' for a, b in zip('abcdefgh', 'bcdefghi'))
        for text in (laughs, '[' * 100000, 'env: {A: "' + 'x' * (2 << 20) + '"}\n'):
            with self.subTest(text[:20]):
                self.assert_refused(self.run_with(text)[1], 'immure.yaml')

    def test_files_that_cannot_be_read(self):
        for path in ('/no/such/file.yaml', self.folder):
            with self.subTest(path):
                done = self.run_in('true', options=['--config', path])
                self.assert_refused(done, os.path.basename(path))

    def test_what_is_not_supported_yet_says_so(self):
        _, done = self.run_with("network:\n  policy_script: x\n")
        if done.code == 0:
            self.skipTest('scripts are run by now')
        self.assert_refused(done, 'not supported yet')

    def test_rpc_has_it_too(self):
        path = self.make_file('immure.yaml', 'env: {A: from the file}\n')
        sandbox = self.sandbox(arguments=['--config', path])
        self.assertEqual(sandbox.exec('printenv A').stdout, 'from the file\n')

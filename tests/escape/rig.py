# SPDX-License-Identifier: Apache-2.0
"""What the rows of the threat table share: the hostile program, and how its words are judged."""
import os
import pathlib
import shutil
import subprocess

import support

HOSTILE = os.environ['ESCAPE_HOSTILE']
PROGRAM = '/tmp/hostile/hostile'  # inside
OUTSIDE = os.path.join(HOSTILE, 'hostile')
WALLS = {'EPERM', 'EACCES', 'ENOSYS', 'EROFS'}  # what a wall says; anything else is chance
BE_ROOT = ('--user', '0')


class Attempts:
    """What the hostile program printed."""

    def __init__(self, done):
        self.done = done
        rows = [line.split(' ', 3) for line in done.text.splitlines()]
        rows = [row for row in rows if len(row) == 4]
        self.seen = [(row[1], row[3]) for row in rows if row[2] == 'is']
        self.refused = {row[1]: row[3] for row in rows if row[2] == 'refused'}
        self.allowed = {row[1]: row[3] for row in rows if row[2] == 'allowed'}

    def all(self, name):
        return [value for key, value in self.seen if key == name]

    def one(self, name):
        """What was seen last by @name, or None."""
        return next(iter(reversed(self.all(name))), None)


class Row(support.Tests):
    """Base of the rows; @as_root_and_user as for all integration tests."""

    def _check_leaks(self):
        """Of all rows but one: a socket's name that is left is judged by test_D_nothing_is_left."""
        for path in pathlib.Path(self.state).glob('vms/*/socket'):
            path.unlink()
        super()._check_leaks()

    def hostile(self, *words, options=(), code=0, **more):
        """Let it try @words in a sandbox. @code: None: any."""
        done = self.immure('run', '-v', f'{HOSTILE}:/tmp/hostile:ro', *options, '--', PROGRAM, *words,
                           timeout=20, **more)
        if code is not None:
            self.assert_code(done, code)
        return Attempts(done)

    def judge(self, tried, errors=(), but=(), least=1):
        """Nothing was allowed, and all was refused by a wall. @errors: other errnos that are walls
        here; @but: attempts whose errno does not matter, or which may succeed."""
        count = len(tried.refused) + len(tried.allowed)
        self.assertGreaterEqual(count, least, tried.done)
        allowed = {name: value for name, value in tried.allowed.items() if name not in but}
        self.assertEqual(allowed, {}, 'allowed')
        by_chance = {name: value for name, value in tried.refused.items()
                     if value not in WALLS | set(errors) and name not in but}
        self.assertEqual(by_chance, {}, 'refused by no wall')

    def refused(self, *words, least=1, errors=(), but=(), options=(), **more):
        """Both as an ordinary user inside and as root inside: all that @words try is refused."""
        for identity in ((), BE_ROOT):
            with self.subTest(' '.join(identity) or 'user inside'):
                tried = self.hostile(*words, options=[*identity, *options], **more)
                self.judge(tried, errors=errors, but=but, least=least)

    def share(self, name='share', files=()):
        """A folder of the user's, to be shared."""
        path = self.make_folder(name)
        for file in files:
            self.make_file(f'{name}/{file}', f'{file} of the host\n')
        return path

    def as_root(self, *words):
        """Run a tool of the host that needs root; the row is skipped if we are not."""
        if os.getuid() != 0:
            self.skipTest('needs root to set up')
        if shutil.which(words[0]) is None:
            self.skipTest(f'needs {words[0]}')
        return subprocess.run(words, check=True, capture_output=True)

# SPDX-License-Identifier: Apache-2.0
"""The client library's own tests and its examples, against the real program."""
import os
import stat
import subprocess

import support
from support import as_root_and_user


@as_root_and_user
class Client(support.Tests):
    def python(self, *arguments):
        """Run Python as whom we test, with the client library."""
        env = {**self.env, 'PYTHONPATH': str(support.ROOT / 'clients' / 'python'),
               'IMMURE_BINARY': support.BINARY, 'TMPDIR': self.folder,
               'PYTHONDONTWRITEBYTECODE': '1'}
        os.chmod(self.folder, stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)
        return subprocess.run([*self.identity.prefix, support.PYTHON, *arguments], env=env,
                              cwd=support.ROOT / 'clients' / 'python', capture_output=True,
                              text=True, timeout=600, check=False)

    def test_library(self):
        done = self.python('-m', 'unittest', 'tests.test_client')
        self.assertEqual(done.returncode, 0, done.stderr[-10000:])

    def test_adr_example_as_printed(self):
        if self.run_in('python', '-c', '').code != 0:
            self.skipTest('this host has no program called python, which the example runs')
        done = self.python('examples/adr.py')
        self.assertEqual((done.returncode, done.stdout),
                         (0, 'Hello from sandbox!\n\n' + '''b'{"status": "ok"}'\n'''), done.stderr)

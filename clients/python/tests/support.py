# SPDX-License-Identifier: Apache-2.0
"""What all tests of the client share: which server they use, and a look at what is left over."""
import os
import pathlib
import shutil
import tempfile
import threading
import time
import unittest

import immure

FAKE = str(pathlib.Path(__file__).with_name('fake_immure.py'))
REAL = os.environ.get('IMMURE_BINARY')
BINARY = REAL or FAKE


def eventually(check, seconds=5.0):
    """Whether @check() becomes true in time."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def descriptors():
    return {name: os.readlink(f'/proc/self/fd/{name}') for name in os.listdir('/proc/self/fd')
            if os.path.exists(f'/proc/self/fd/{name}')}


def children():
    path = f'/proc/self/task/{os.getpid()}/children'
    return set(pathlib.Path(path).read_text(encoding='ascii').split())


class Case(unittest.TestCase):
    """Each test has its own state folder, and must leave no process, thread or descriptor."""

    binary = BINARY

    def setUp(self):
        self.home = tempfile.mkdtemp(prefix='immure-test-')
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        saved = {name: os.environ.get(name) for name in ('IMMURE_HOME', 'IMMURE_BINARY')}
        os.environ.update(IMMURE_HOME=self.home, IMMURE_BINARY=self.binary)
        self.addCleanup(self._restore, saved)
        self._before = (descriptors(), children(), set(threading.enumerate()))
        self.addCleanup(self._check_leaks)

    @staticmethod
    def _restore(saved):
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _check_leaks(self):
        before = self._before
        self.assertTrue(eventually(lambda: len(descriptors()) <= len(before[0])),
                        f'descriptors left: {before[0]} then {descriptors()}')
        self.assertTrue(eventually(lambda: children() <= before[1]), 'processes left')
        self.assertTrue(eventually(lambda: set(threading.enumerate()) <= before[2]),
                        f'threads left: {threading.enumerate()}')

    def sandbox(self, config=None, **options):
        """A sandbox that ends with the test."""
        sandbox = immure.Sandbox(config, **options)
        self.addCleanup(sandbox.close)
        return sandbox

# SPDX-License-Identifier: Apache-2.0
"""The client against a server that misbehaves; always the fake one."""
import base64
import gc
import os
import pickle
import signal
import threading
import time
import unittest

import immure
from immure import Sandbox, SandboxClosed, SandboxError, SandboxTimeout
from immure import _events

from . import support


class FakeCase(support.Case):
    binary = support.FAKE

    def waiters(self, sandbox, count=5):
        """Threads that wait for an answer. Return: a function that joins them: their exceptions."""
        caught = []

        def wait():
            try:
                sandbox.exec('sleep 60')
            except SandboxError as error:
                caught.append(error)
        threads = [threading.Thread(target=wait) for _ in range(count)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)

        def join():
            for thread in threads:
                thread.join(10)
            return caught
        return join

    def assert_all_closed(self, join, pattern, count=5):
        caught = join()
        self.assertEqual(len(caught), count)
        for error in caught:
            self.assertIsInstance(error, SandboxClosed)
            self.assertRegex(str(error), pattern)


class Death(FakeCase):
    def test_death_reaches_every_waiting_call_with_the_last_words(self):
        cases = [({'code': 125, 'stderr': 'x' * 9000 + 'no more walls\n'},
                  '^the sandbox ended: exit status 125: x{4000,4096}no more walls$'),
                 ({'signal': signal.SIGKILL}, 'SIGKILL'), ({'code': 0}, 'exit status 0')]
        for params, pattern in cases:
            with self.subTest(pattern):
                sandbox = self.sandbox()
                join = self.waiters(sandbox)
                started = time.monotonic()
                with self.assertRaisesRegex(SandboxClosed, pattern):
                    sandbox.call('fake_die', params)
                self.assert_all_closed(join, pattern)
                self.assertLess(time.monotonic() - started, 2)
                with self.assertRaisesRegex(SandboxClosed, pattern):
                    sandbox.exec('true')

    def test_death_of_a_server_whose_pipes_live_on(self):
        sandbox = self.sandbox()
        started = time.monotonic()
        with self.assertRaisesRegex(SandboxClosed, 'exit status 3'):
            sandbox.call('fake_orphan', {'seconds': 4})
        self.assertLess(time.monotonic() - started, 2)

    def test_half_closed(self):
        for method in ('fake_close_stdout', 'fake_close_stdin'):
            with self.subTest(method):
                sandbox = self.sandbox()
                started = time.monotonic()
                join = self.waiters(sandbox, 2)
                with self.assertRaises(SandboxClosed):
                    sandbox.call(method)
                self.assertLess(time.monotonic() - started, 6)
                self.assert_all_closed(join, 'the sandbox ended', 2)
                used = time.thread_time()
                sandbox.close()
                self.assertLess(time.thread_time() - used, 1)

    def test_stream_gets_what_came_before(self):
        sandbox = self.sandbox()
        stream = sandbox.exec_stream('echo before; sleep 60')
        time.sleep(0.3)
        with self.assertRaises(SandboxClosed):
            sandbox.call('fake_die')
        self.assertEqual(next(stream).stdout, b'before\n')
        with self.assertRaises(SandboxClosed):
            next(stream)
        self.assertEqual(list(stream), [])

    def test_attached_sees_the_end(self):
        sandbox = self.sandbox()
        attached = Sandbox.attach(sandbox.id)
        join = self.waiters(attached)
        with self.assertRaises(SandboxClosed):
            sandbox.call('fake_die')
        self.assert_all_closed(join, 'socket was closed')
        attached.close()

    def test_create_that_dies(self):
        with self.assertRaisesRegex(SandboxError, 'not found'):
            Sandbox({'image': 'fake-broken'})
        with self.assertRaisesRegex(SandboxClosed, 'exit status 2: .*cannot'):
            Sandbox(binary=['sh', '-c', 'echo I cannot >&2; exit 2'])


class Nonsense(FakeCase):
    def test_lines_that_are_no_answers(self):
        cases = [b'hello\n', b'{"a"\n', b'7\n', b'[3]\n', b'{"id":null,"error":{"code":-32700}}\n',
                 b'{"id":99}\n', b'{"id":1,"error":"x"}\n', b'[' * 100000 + b'\n', b'\xff\n']
        for data in cases:
            with self.subTest(data[:40]):
                sandbox = self.sandbox()
                join = self.waiters(sandbox, 1)
                with self.assertRaisesRegex(SandboxClosed, 'protocol'):
                    sandbox.call('fake_raw', {'data': base64.b64encode(data).decode()})
                self.assert_all_closed(join, 'protocol', 1)

    def test_lines_to_be_ignored(self):
        cases = [b'\n', b'{"id":12345,"result":{}}\n', b'{"method":"other","params":{}}\n',
                 b'{"id":"x","result":{}}\n', b'{"method":"event"}\n']
        sandbox = self.sandbox()
        for data in cases:
            with self.assertRaises(SandboxTimeout):
                sandbox.call('fake_raw', {'data': base64.b64encode(data).decode()}, timeout=0.2)
            self.assertTrue(sandbox.exec('true').ok)

    def test_batch_of_answers(self):
        sandbox = self.sandbox()
        data = b'[{"id":2,"result":"yes"},{"method":"event","params":{}}]\n'
        self.assertEqual(sandbox.call('fake_raw', {'data': base64.b64encode(data).decode()}), 'yes')


class Slow(FakeCase):
    def test_timeouts(self):
        sandbox = self.sandbox()
        started = time.monotonic()
        with self.assertRaisesRegex(SandboxTimeout, 'fake_hang'):
            sandbox.call('fake_hang', timeout=0.3)
        self.assertLess(time.monotonic() - started, 2)
        self.assertTrue(sandbox.exec('true').ok)

    def test_a_server_that_does_not_read(self):
        sandbox = self.sandbox()
        sandbox.write_file('/tmp/workspace/f', 'x')
        thread = threading.Thread(target=sandbox.call,
                                  args=('fake_stop_reading', {'seconds': 2}))
        thread.start()
        time.sleep(0.2)
        started = time.monotonic()
        for _ in range(3):
            with self.assertRaises(SandboxTimeout):
                sandbox.write_file('/tmp/workspace/f', bytes(10_000_000), timeout=0.2)
        self.assertLess(time.monotonic() - started, 1.9)
        thread.join()
        self.assertTrue(sandbox.exec('true').ok)

    def test_a_server_that_does_not_end(self):
        sandbox = Sandbox()
        thread = threading.Thread(target=self.assertRaises, args=(
            SandboxClosed, sandbox.call, 'fake_stop_reading', {'seconds': 60}))
        thread.start()
        time.sleep(0.2)
        os.kill(sandbox._connection._channel.process.pid, signal.SIGSTOP)
        started = time.monotonic()
        sandbox.close(timeout=0.5)
        self.assertLess(time.monotonic() - started, 6)
        thread.join()
        self.assertEqual(sandbox._connection._channel.process.returncode, -signal.SIGKILL)

    def test_slow_handlers_hold_up_nothing(self):
        saved, _events.QUEUE_MAX = _events.QUEUE_MAX, 100
        self.addCleanup(setattr, _events, 'QUEUE_MAX', saved)
        sandbox = self.sandbox()
        seen, go = [], threading.Event()

        def handler(event):
            go.wait()
            seen.append(event)
        unsubscribe = sandbox.on_event(handler)
        sandbox.call('fake_events', {'count': 1000})
        self.assertTrue(sandbox.exec('true').ok)
        go.set()
        self.assertTrue(support.eventually(
            lambda: any(event['type'] == 'dropped' for event in seen)))
        numbers = [event['number'] for event in seen if event['type'] == 'network']
        dropped = [event['dropped']['count'] for event in seen if event['type'] == 'dropped']
        self.assertEqual(numbers, sorted(numbers))
        self.assertLessEqual(100, len(numbers))
        self.assertGreaterEqual(110, len(numbers))
        self.assertEqual(sum(dropped) + len(seen) - len(dropped), 1001)  # with that of the exec
        unsubscribe()
        del seen[:]
        sandbox.call('fake_events', {'count': 10})
        time.sleep(0.1)
        self.assertEqual(seen, [])

    def test_close_lets_handlers_see_what_is_queued(self):
        sandbox = self.sandbox()
        seen = []
        sandbox.on_event(lambda event: (time.sleep(0.01), seen.append(event)))
        sandbox.call('fake_events', {'count': 30})
        sandbox.close()
        self.assertEqual(len(seen), 30)

    def test_close_from_a_handler(self):
        sandbox = self.sandbox()
        sandbox.on_event(lambda event: sandbox.close())
        sandbox.call('fake_events', {'count': 1})
        self.assertTrue(support.eventually(lambda: sandbox.closed))


class Errors(unittest.TestCase):
    def test_pickle(self):
        for error in (SandboxError(-32000, 'm'), SandboxClosed('m'), SandboxTimeout('m')):
            copy = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(copy), copy.code, copy.message, str(copy)),
                             (type(error), error.code, 'm', 'm'))

    def test_signature_is_complete(self):
        gc.collect()
        for name in immure.__all__:
            self.assertTrue(getattr(immure, name).__doc__, name)


if __name__ == '__main__':
    unittest.main()

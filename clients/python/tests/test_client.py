# SPDX-License-Identifier: Apache-2.0
"""The client against a server that works: the fake one, or $IMMURE_BINARY."""
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

import immure
from immure import ErrorCode, Sandbox, SandboxClosed, SandboxError, SandboxTimeout

from . import support

ROOT = pathlib.Path(__file__).parent.parent


class Case(support.Case):
    def assert_ends(self, sandbox):
        """A call that was under way may still be answered: killed. The next ones are not."""
        with self.assertRaises(SandboxClosed):
            for _ in range(10):
                self.assertEqual(sandbox.exec('sleep 60', timeout=30).signal, signal.SIGKILL)


class Exec(Case):
    def test_result_is_a_dict_and_has_attributes(self):
        result = self.sandbox().exec('echo out; echo err >&2; exit 3')
        self.assertEqual((result['exit_code'], result['stdout'], result['stderr']),
                         (3, 'out\n', 'err\n'))
        self.assertEqual((result.exit_code, result.stdout, result.stderr), (3, 'out\n', 'err\n'))
        self.assertIsInstance(result['duration_ms'], int)
        self.assertIsNone(result.signal)
        self.assertFalse(result.ok or result.timed_out or result.truncated)

    def test_octets_that_are_no_text(self):
        result = self.sandbox().exec(r"printf '\377\0a'")
        self.assertEqual(result.stdout_bytes, b'\xff\0a')
        self.assertEqual(result.stdout, '\ufffd\0a')

    def test_array_is_run_without_a_shell(self):
        result = self.sandbox().exec(['printf', '%s|', '$HOME', 'a b'])
        self.assertEqual(result.stdout, '$HOME|a b|')

    def test_options(self):
        sandbox = self.sandbox()
        self.assertEqual(sandbox.exec('printf %s "$A"', env={'A': 'ü'}).stdout, 'ü')
        self.assertEqual(sandbox.exec('cat', stdin='text').stdout, 'text')
        self.assertEqual(sandbox.exec('cat', stdin=b'\0\xff').stdout_bytes, b'\0\xff')
        self.assertEqual(sandbox.exec('cat').stdout, '')
        self.assertEqual(sandbox.exec('pwd', '/').exit_code, 0)

    def test_signal_and_timeout(self):
        sandbox = self.sandbox()
        result = sandbox.exec('kill -9 $$')
        self.assertEqual((result.exit_code, result.signal), (137, 9))
        result = sandbox.exec('echo early; sleep 60', timeout_seconds=1)
        self.assertEqual((result.exit_code, result.timed_out, result.stdout),
                         (124, True, 'early\n'))

    def test_output_is_bounded(self):
        result = self.sandbox().exec('head -c 20000000 /dev/zero; echo end >&2')
        self.assertEqual((len(result.stdout_bytes), result.truncated, result.stderr),
                         (16 << 20, True, 'end\n'))

    def test_bad_params_are_an_error_with_a_code(self):
        with self.assertRaises(SandboxError) as caught:
            self.sandbox().exec([])
        self.assertEqual(caught.exception.code, ErrorCode.INVALID_PARAMS)
        self.assertIn('command', caught.exception.message)

    def test_what_no_server_could_read_is_refused_here(self):
        sandbox = self.sandbox()
        deep = value = {}
        for _ in range(100):
            value['x'] = value = {}
        for command, env in (('a\0b', None), ('\udc80', None), ('x', {'A\0': 'b'}),
                             ('x', {'A': deep}), ('x', {'A': b'octets'}), ('x', {'A': 1e999})):
            with self.assertRaises(SandboxError) as caught:
                sandbox.exec(command, env=env)
            self.assertEqual(caught.exception.code, ErrorCode.INVALID_PARAMS)
        self.assertTrue(sandbox.exec(r"test '\u0000' = '\u0000' && test ü = ü").ok)

    def test_client_timeout_cancels_the_command(self):
        sandbox = self.sandbox()
        with self.assertRaises(SandboxTimeout):
            sandbox.exec('echo $$ > pid; exec sleep 60', timeout=1)
        alive = 'kill -0 $(cat pid) && cat /proc/$(cat pid)/stat'
        self.assertTrue(support.eventually(
            lambda: ' S ' not in sandbox.exec(alive).stdout))
        self.assertIsInstance(SandboxTimeout('x'), TimeoutError)

    def test_many_threads(self):
        sandbox = self.sandbox()
        results = {}

        def work(number):
            for turn in range(5):
                results[number, turn] = sandbox.exec(f'echo {number}.{turn}').stdout
        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, {(n, t): f'{n}.{t}\n' for n in range(20) for t in range(5)})


class Stream(Case):
    def test_chunks_and_result(self):
        stream = self.sandbox().exec_stream('echo a; sleep 0.3; echo b >&2; sleep 0.3;'
                                            'echo c; exit 5')
        self.assertIsNone(stream.result)
        chunks = list(stream)
        self.assertEqual([(c.stdout, c.stderr) for c in chunks],
                         [(b'a\n', b''), (b'', b'b\n'), (b'c\n', b'')])
        self.assertEqual((stream.result.exit_code, stream.result.stdout), (5, ''))
        self.assertEqual(list(stream), [])

    def test_comes_as_it_is_written(self):
        stream = self.sandbox().exec_stream('echo now; sleep 60')
        started = time.monotonic()
        self.assertEqual(next(stream).stdout, b'now\n')
        self.assertLess(time.monotonic() - started, 10)
        stream.close()
        self.assertEqual(list(stream), [])

    def test_closing_cancels(self):
        for how in ('close', 'with', 'drop'):
            with self.subTest(how):
                sandbox = self.sandbox()
                stream = sandbox.exec_stream('echo $$; exec sleep 61')
                pid = int(next(stream).stdout)
                if how == 'close':
                    stream.close()
                elif how == 'with':
                    with stream:
                        pass
                else:
                    del stream
                self.assertTrue(support.eventually(
                    lambda: sandbox.exec(f'grep -q sleep /proc/{pid}/cmdline').exit_code != 0))

    def test_input(self):
        with self.sandbox().exec_stream('cat', stdin_open=True) as stream:
            stream.write('one')
            self.assertEqual(next(stream).stdout, b'one')
            stream.write(b'two')
            self.assertEqual(next(stream).stdout, b'two')
            stream.close_stdin()
            self.assertEqual(stream.wait().exit_code, 0)

    def test_much_input_and_output_at_once(self):
        sandbox = self.sandbox()
        stream = sandbox.exec_stream('cat', stdin_open=True)
        octets = os.urandom(20_000_000)

        def write():
            stream.write(octets)
            stream.close_stdin()
        thread = threading.Thread(target=write)
        thread.start()
        self.assertTrue(b''.join(chunk.stdout for chunk in stream) == octets)
        thread.join()

    def test_kill_with_signal(self):
        with self.sandbox().exec_stream('trap "echo term; exit 9" TERM; echo on; '
                                        'while :; do sleep 0.1; done') as stream:
            next(stream)
            stream.kill()
            self.assertEqual(b''.join(chunk.stdout for chunk in stream), b'term\n')
            self.assertEqual(stream.result.exit_code, 9)

    def test_terminal(self):
        command = 'test -t 0 && stty size; read x; stty size'
        with self.sandbox().exec_stream(command, tty=True, rows=33, columns=44,
                                        stdin_open=True) as stream:
            self.assertEqual(next(stream).stdout.strip(), b'33 44')
            stream.resize(10, 20)
            stream.write('\n')
            self.assertIn(b'10 20', b''.join(chunk.stdout for chunk in stream))

    def test_a_stream_nobody_reads_holds_up_no_one(self):
        sandbox = self.sandbox()
        stream = sandbox.exec_stream('head -c 40000000 /dev/zero')
        next(stream)
        self.assertEqual(sandbox.exec('echo other').stdout, 'other\n')
        time.sleep(0.5)
        self.assertEqual(sandbox.exec('echo other').stdout, 'other\n')
        self.assertEqual(stream.wait().exit_code, 0)

    def test_a_stream_nobody_reads_is_held_up(self):
        sandbox = self.sandbox()
        stream = sandbox.exec_stream('yes')
        next(stream)
        time.sleep(1)
        kept = stream._connection._kept_octets
        self.assertLess(kept, 12 << 20)
        time.sleep(1)
        self.assertEqual(stream._connection._kept_octets, kept)
        stream.close()
        self.assertEqual(stream._connection._kept_octets, 0)
        self.assertTrue(sandbox.exec('true').ok)

    def test_a_stream_that_piles_up_while_others_wait_fails(self):
        sandbox = self.sandbox()
        stream = sandbox.exec_stream('yes')
        sandbox.exec('sleep 8')
        octets = 0
        with self.assertRaises(SandboxError) as caught:
            for chunk in stream:
                octets += len(chunk.stdout)
        self.assertEqual(caught.exception.code, ErrorCode.LIMIT)
        self.assertGreater(octets, 40 << 20)
        self.assertTrue(sandbox.exec('true').ok)

    def test_call_from_within_the_loop(self):
        sandbox = self.sandbox()
        numbers = [sandbox.exec(['echo', chunk.stdout.decode().split()[0]]).stdout
                   for chunk in sandbox.exec_stream('for i in 1 2 3; do echo $i; sleep 0.3; done')]
        self.assertEqual(numbers, ['1\n', '2\n', '3\n'])

    def test_the_stream_keeps_its_sandbox(self):
        self.assertEqual(immure.Sandbox().exec_stream('sleep 0.2; exit 7').wait().exit_code, 7)


class Files(Case):
    def test_round_trip(self):
        sandbox = self.sandbox()
        for content in (b'', b'\0\xff\n', os.urandom(3_000_000)):
            sandbox.write_file('/tmp/workspace/f', content)
            self.assertTrue(sandbox.read_file('/tmp/workspace/f') == content)
        sandbox.write_file('/tmp/workspace/t', 'tëxt', 0o755)
        self.assertEqual(sandbox.read_file('/tmp/workspace/t').decode(), 'tëxt')
        self.assertEqual(sandbox.read_file('/tmp/workspace/t', offset=1, length=2).decode(), 'ë')
        files = {file.name: file for file in sandbox.list_files('/tmp/workspace')}
        self.assertEqual((files['t'].mode, files['t'].size, files['t']['is_dir']),
                         (0o755, 5, False))

    def test_missing(self):
        with self.assertRaises(SandboxError) as caught:
            self.sandbox().read_file('/tmp/workspace/none')
        self.assertEqual(caught.exception.code, ErrorCode.FAILED)
        self.assertIn('No such file', caught.exception.message)

    def test_too_much_at_once_is_refused_here(self):
        sandbox = self.sandbox()
        with self.assertRaises(SandboxError) as caught:
            sandbox.write_file('/tmp/workspace/f', bytes(40_000_000))
        self.assertEqual(caught.exception.code, ErrorCode.LIMIT)
        self.assertTrue(sandbox.exec('true').ok)


class Life(Case):
    def test_context_manager_ends_the_process(self):
        with Sandbox() as sandbox:
            self.assertRegex(sandbox.id, r'^vm-[0-9a-z]+$')
            process = sandbox._connection._channel.process
            self.assertFalse(sandbox.closed)
        self.assertEqual(process.returncode, 0)
        self.assertTrue(sandbox.closed)
        with self.assertRaises(SandboxClosed):
            sandbox.exec('true')
        sandbox.close()

    def test_dropped_without_close(self):
        process = Sandbox()._connection._channel.process
        self.assertTrue(support.eventually(lambda: process.returncode is not None, 15))

    def test_close_ends_waiting_calls(self):
        sandbox = self.sandbox()
        caught = []

        def wait():
            try:
                caught.append(sandbox.exec('sleep 60').signal)  # it may still say how it was ended
            except SandboxClosed:
                caught.append(signal.SIGKILL)
        threads = [threading.Thread(target=wait) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        sandbox.close()
        for thread in threads:
            thread.join(10)
        self.assertEqual(caught, [signal.SIGKILL] * 5)

    def test_create_fails(self):
        with self.assertRaises(SandboxError) as caught:
            Sandbox({'no_such_key': 1})
        self.assertIn('no_such_key', caught.exception.message)

    def test_no_binary(self):
        with self.assertRaisesRegex(SandboxError, 'cannot start /nonexistent'):
            Sandbox(binary='/nonexistent')

    def test_binary_as_words(self):
        with Sandbox(binary=['env', support.BINARY]) as sandbox:
            self.assertTrue(sandbox.exec('true').ok)

    def test_env(self):
        sandbox = self.sandbox({'env': {'GREETING': 'hello'}})
        self.assertEqual(sandbox.env['GREETING'], 'hello')
        self.assertEqual(sandbox.exec('echo $GREETING').stdout, 'hello\n')

    def test_kill(self):
        sandbox = self.sandbox()
        sandbox.kill()
        self.assert_ends(sandbox)

    def test_attach(self):
        sandbox = self.sandbox()
        with Sandbox.attach(sandbox.id) as attached:
            attached.write_file('/tmp/workspace/f', 'shared')
            self.assertEqual(attached.id, sandbox.id)
        with self.assertRaises(SandboxClosed):
            attached.exec('true')
        self.assertEqual(sandbox.exec('cat f').stdout, 'shared')
        attached = Sandbox.attach(sandbox.id)
        attached.close(kill=True)
        self.assert_ends(sandbox)

    def test_attach_to_nothing(self):
        with self.assertRaises(SandboxClosed):
            Sandbox.attach('vm-00000000')
        for name in ('../vm-1', '', 'vm-', '--all', 'vm-1/..'):
            with self.assertRaises(SandboxError):
                Sandbox.attach(name)

    def test_a_dead_python_takes_the_sandbox_along(self):
        code = ('import immure, time; s = immure.Sandbox(); print(s.id, flush=True);'
                's.exec("sleep 60")')
        with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE,
                              env={**os.environ, 'PYTHONPATH': str(ROOT)}) as python:
            vm_id = python.stdout.readline().decode().strip()
            self.assertEqual(immure.get_vm(vm_id).status, 'running')
            python.send_signal(signal.SIGKILL)
        self.assertTrue(support.eventually(lambda: immure.get_vm(vm_id).status != 'running', 15))

    def test_events(self):
        sandbox = self.sandbox()
        seen = []
        inner = []

        def handler(event):
            seen.append(event)
            inner.append(sandbox.exec('echo from a handler').stdout if len(seen) == 1 else '')
            raise RuntimeError('handlers may fail')
        sandbox.on_event(handler)
        with self.assertLogs('immure', 'ERROR'):
            sandbox.write_file('/tmp/workspace/f', 'x')
            if not support.eventually(lambda: seen, 2):
                if support.REAL:
                    self.skipTest('this server sends no file events yet')
                self.fail('no event')
            self.assertTrue(support.eventually(lambda: inner))
        self.assertEqual(seen[0]['type'], 'file')
        self.assertEqual(seen[0]['file']['path'], '/tmp/workspace/f')
        self.assertEqual(inner[0], 'from a handler\n')


class Accounting(Case):
    def test_all(self):
        sandbox = self.sandbox()
        vms = immure.list_vms()
        self.assertEqual([(vm.id, vm.status) for vm in vms], [(sandbox.id, 'running')])
        self.assertEqual(immure.list_vms('stopped'), [])
        vm = immure.get_vm(sandbox.id)
        self.assertEqual((vm.id, vm.pid), (sandbox.id, vms[0].pid))
        self.assertIsInstance(vm.config, dict)
        with self.assertRaisesRegex(SandboxError, 'running'):
            immure.rm_vm(sandbox.id)
        immure.kill_vm(sandbox.id)
        self.assertTrue(support.eventually(
            lambda: immure.get_vm(sandbox.id).status in ('stopped', 'crashed')))
        self.assert_ends(sandbox)
        immure.rm_vm(sandbox.id)
        with self.assertRaises(SandboxError):
            immure.get_vm(sandbox.id)
        sandbox = immure.Sandbox()
        sandbox.close()
        immure.prune()  # is for crashed ones; it may or may not take stopped ones along
        for vm in immure.list_vms():
            self.assertEqual((vm.id, vm.status), (sandbox.id, 'stopped'))


class Examples(Case):
    def run_example(self, name):
        code = (ROOT / 'examples' / name).read_text(encoding='utf-8')
        if not self.sandbox().exec('command -v python').ok:  # many systems have python3 only
            code = code.replace("'python /", "'python3 /")
        return subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, check=True,
                              env={**os.environ, 'PYTHONPATH': str(ROOT)}, timeout=60,
                              text=True).stdout

    def test_adr(self):
        self.assertEqual(self.run_example('adr.py'), 'Hello from sandbox!\n\n'
                         + '''b'{"status": "ok"}'\n''')

    def test_stream(self):
        self.assertEqual(self.run_example('stream.py'),
                         'got one\ngot two\nexit code 0\ntoo slow\n124\n')


if __name__ == '__main__':
    unittest.main()

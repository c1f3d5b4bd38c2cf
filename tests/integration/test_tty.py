# SPDX-License-Identifier: Apache-2.0
"""Programs on a terminal: keys, job control, sizes, and a terminal that goes away."""
import signal
import time

import support
from support import as_root_and_user, eventually


@as_root_and_user
class Terminals(support.Tests):
    def test_a_terminal_only_where_there_is_one(self):
        script = 'for i in 0 1 2; do test -t $i && printf y || printf n; done'
        self.assert_prints(self.sh(script), 'nnn')
        done = self.immure('run', '--', 'sh', '-c', script, tty=True)
        self.assertIn(b'yyy', done.out)
        done = self.immure('run', '-T', '--', 'sh', '-c', script, tty=True)
        self.assertIn(b'nnn', done.out)

    def test_it_is_not_ours(self):
        terminal = self.terminal('run', '--', 'sh', '-c', 'tty; stty -echo; stty raw; sleep 1')
        name = terminal.expect(rb'(/dev/\S+)\r\n').group(1)
        self.assertRegex(name, rb'^/dev/(pts/\d+|console|tty\d*)$')
        self.assertEqual(terminal.wait(), 0)

    def test_exit_code(self):
        self.assert_code(self.immure('run', '--', 'sh', '-c', 'exit 42', tty=True), 42)
        self.assert_code(self.immure('run', '--', 'sh', '-c', 'kill -9 $$', tty=True), 137)

    def test_typing(self):
        terminal = self.terminal('run', '--', 'sh', '-c', 'echo ready; read line; echo "<$line>"')
        terminal.expect(b'ready')
        terminal.type('hel\x7flo\n')
        terminal.expect(b'<helo>')
        self.assertEqual(terminal.wait(), 0)

    def test_end_of_file(self):
        terminal = self.terminal('run', '--', 'sh', '-c', 'echo ready; cat; echo over')
        terminal.expect(b'ready')
        terminal.type('text\n\x04')
        terminal.expect(b'over')
        self.assertEqual(terminal.wait(), 0)

    def test_size_and_its_changes(self):
        script = 'trap "stty size" WINCH; stty size; while :; do sleep 0.1; done'
        terminal = self.terminal('run', '--', 'sh', '-c', script, rows=33, columns=111)
        terminal.expect(rb'33 111\r\n')
        terminal.resize(44, 99)
        terminal.expect(rb'44 99\r\n')
        terminal.type(b'\x03')
        self.assertEqual(terminal.wait(), 130)

    def test_ctrl_c(self):
        terminal = self.terminal('run', '--', 'sh', '-c', 'echo on; exec sleep 1000')
        terminal.expect(b'on')
        terminal.type(b'\x03')
        self.assertEqual(terminal.wait(), 130)

    def test_ctrl_c_is_the_program_s(self):
        terminal = self.terminal('run', '--', 'sh', '-c',
                                 'trap "echo caught" INT; echo on; while :; do sleep 0.1; done')
        for _ in range(2):
            terminal.expect(b'on|caught')
            terminal.type(b'\x03')
        terminal.expect(b'caught')
        terminal.type(b'\x1c')
        self.assertEqual(terminal.wait(), 131)

    def test_raw_keys(self):
        terminal = self.terminal('run', '--', 'sh', '-c',
                                 'stty raw -echo; echo on; head -c 3 | od -An -tx1; stty sane')
        terminal.expect(b'on')
        terminal.type(b'\x03\x1a\x04')
        terminal.expect(b'03 1a 04')
        self.assertEqual(terminal.wait(), 0)

    def test_settings_are_restored(self):
        for words in (['stty', 'raw', '-echo'], ['sh', '-c', 'stty raw; kill -9 $$']):
            shell = self.shell()
            before = shell.settings()
            shell.type(' '.join(self.quoted('run', '--', *words)) + '; echo code=$?\n')
            shell.expect(rb'code=(\d+)\r\n')
            self.assertEqual(shell.settings()[:4], before[:4])
            shell.type('exit\n')
            shell.wait()

    def shell(self):
        """An interactive shell on a terminal, as whom we test."""
        shell = self.terminal(words=[*self.identity.prefix, 'bash', '--norc', '--noprofile',
                                     '--noediting', '-i'])
        shell.type("PS1='$ '; echo shell is ready | tr a-z A-Z\n")
        shell.expect(b'SHELL IS READY')
        return shell

    def quoted(self, *arguments):
        return [f"'{word}'" for word in [support.BINARY, *arguments]]

    def test_ctrl_z_and_fg(self):
        shell = self.shell()
        # one process: a shell that just starts a child by vfork() stops no sooner than that child, which has stopped
        program = self.make_file('program.py', 'import signal\nimport time\n'
                                 'signal.signal(signal.SIGCONT, lambda *_: print("cont"))\n'
                                 'signal.signal(signal.SIGINT, signal.SIG_DFL)\n'
                                 'print("on")\nwhile True:\n    time.sleep(1)\n')
        shell.type(' '.join(self.quoted('run', '-v', f'{program}:/tmp/program.py:ro', '--', support.PYTHON, '-u',
                                        '/tmp/program.py')) + '\n')
        shell.expect(rb'on\r\n')
        shell.type(b'\x1a')
        shell.expect(b'Stopped')
        shell.type('echo $((6 * 7)) in the shell\n')
        shell.expect(b'42 in the shell')
        shell.type('fg\n')
        shell.expect(rb'cont\r\n')
        shell.type(b'\x03')
        shell.expect(rb'\$ ')
        shell.type('echo code=$?\n')
        self.assertEqual(shell.expect(rb'code=(\d+)\r\n').group(1), b'130')
        shell.type('exit\n')
        shell.wait()

    def test_a_terminal_that_goes_away(self):
        for script in ('echo on; exec sleep 1000', 'trap "" HUP INT TERM; echo on; '
                       'while :; do echo x; sleep 0.1; done'):
            with self.subTest(script):
                terminal = self.terminal('run', '--', 'sh', '-c', script)
                terminal.expect(b'on')
                terminal.hang_up()
                terminal.wait(30)
                self.assertTrue(eventually(lambda: self.listed('--running') == []))

    def test_much_output(self):
        terminal = self.terminal('run', '--', 'sh', '-c', 'seq 200000; echo over')
        self.assertEqual(terminal.wait(60), 0)
        self.assertIn(b'\n199999\r\n200000\r\nover', terminal.seen)

    def test_terminal_with_streams_redirected(self):
        shell = self.shell()
        path = self.make_file('out')
        shell.type(' '.join(self.quoted('run', '--', 'sh', '-c', 'echo to the file')) +
                   f' > {path}; echo code=$?\n')
        self.assertEqual(shell.expect(rb'code=(\d+)\r\n').group(1), b'0')
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), b'to the file\n')
        shell.type('exit\n')
        shell.wait()

    def test_characters_cannot_be_pushed_into_it(self):
        code = ('import fcntl, termios\n'
                'for c in b"echo pushed\\n": fcntl.ioctl(0, termios.TIOCSTI, bytes([c]))')
        shell = self.shell()
        words = ' '.join(self.quoted('run', '--', 'python3', '-c', code))
        shell.type(words.replace('\n', "'$'\\n''") + '; echo code=$?\n')
        shell.expect(rb'code=\d+\r\n')  # its own terminal is its own affair
        time.sleep(0.3)
        shell.type('exit\n')
        shell.wait()
        self.assertNotIn(b'\npushed', shell.seen)

    def test_exec_with_a_terminal(self):
        vm_id = self.start()
        terminal = self.terminal('exec', '-t', vm_id, '--', 'sh', '-c', 'stty size; read x; exit 7',
                                 rows=12, columns=34)
        terminal.expect(b'12 34')
        terminal.type('\n')
        self.assertEqual(terminal.wait(), 7)
        terminal = self.terminal('exec', '-t', vm_id, '--', 'sleep', '1000')
        time.sleep(0.5)
        terminal.type(b'\x03')
        self.assertEqual(terminal.wait(), 128 + signal.SIGINT)

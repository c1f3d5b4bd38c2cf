# SPDX-License-Identifier: Apache-2.0
"""`immure run`: what the program is, has, sees, and how it ends."""
import hashlib
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import support
from support import as_root_and_user, eventually


@as_root_and_user
class ExitCodes(support.Tests):
    def test_own(self):
        for code in (0, 1, 2, 42, 124, 125, 126, 127, 128, 255):
            self.assert_code(self.sh(f'exit {code}'), code)

    def test_signals(self):
        for name in ('HUP', 'INT', 'QUIT', 'KILL', 'TERM', 'SEGV', 'USR1', 'PIPE'):
            number = signal.Signals[f'SIG{name}'].value
            with self.subTest(name):
                self.assert_code(self.sh(f'kill -{name} $$'), 128 + number)

    def test_not_found_and_not_executable(self):
        for word in ('no-such-program', '/no/such/program', './missing'):
            with self.subTest(word):
                done = self.run_in(word)
                self.assert_code(done, 127)
                self.assertIn(word, done.errors)
        for word in ('/tmp', '/etc/ld.so.cache'):
            with self.subTest(word):
                self.assert_code(self.run_in(word), 126)

    def test_own_errors(self):
        for arguments in (['run'], ['run', '--no-such-option', '--', 'true'], ['run', '--cpus'],
                          ['run', '--memory', 'much', '--', 'true'], ['no-such-command'],
                          ['run', '--timeout', '0', '--', 'true'],
                          ['run', '--rootfs', '/no/such/folder', '--', 'true'],
                          ['run', '-v', '/no/such/folder:/mnt', '--', 'true'],
                          ['run', '-v', 'nonsense', '--', 'true'],
                          ['run', '--user', 'root', '--', 'true'],
                          ['run', '--allow-degraded', 'nonsense', '--', 'true']):
            with self.subTest(arguments):
                self.assert_refused(self.immure(*arguments), '.')

    def test_words_are_passed_as_they_are(self):
        done = self.run_in('printf', '[%s]', 'a b', '', '-v', '--', '$x', '*', 'ü\n')
        self.assert_prints(done, '[a b][][-v][--][$x][*][ü\n]')

    def test_timeout(self):
        started = time.monotonic()
        done = self.run_in('sh', '-c', 'echo early; sleep 60', options=['--timeout', '1s'])
        self.assert_code(done, 124)
        self.assertEqual(done.text, 'early\n')
        self.assertLess(time.monotonic() - started, 15)

    def test_timeout_of_a_program_that_ignores_signals(self):
        script = 'trap "" TERM INT HUP; while :; do sleep 1; done'
        self.assert_code(self.sh(script, '--timeout', '1s', timeout=40), 124)

    def test_what_it_leaves_running_ends_with_it(self):
        started = time.monotonic()
        self.assert_code(self.sh('setsid sleep 1000 >/dev/null 2>&1 & exit 3'), 3)
        self.assertLess(time.monotonic() - started, 15)


@as_root_and_user
class Streams(support.Tests):
    def test_three_streams(self):
        done = self.sh('cat; echo error >&2; exit 1', input=b'in\0\xff\n')
        self.assertEqual((done.code, done.out), (1, b'in\0\xff\n'))
        self.assertEqual(done.err, b'error\n')

    def test_dev_stdout_can_be_opened(self):
        done = self.sh('echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin', input='in')
        self.assertEqual((done.out, done.err), (b'out\nin', b'err\n'))

    def test_big_output_is_intact(self):
        count = 25_000_000  # a little more than 200 MiB
        process = self.popen('run', '--', 'seq', count, stdin=subprocess.DEVNULL)
        expected = subprocess.Popen(['seq', str(count)], stdout=subprocess.PIPE)
        digests = []
        for source in (process, expected):
            digest, octets = hashlib.sha256(), 0
            while True:
                data = source.stdout.read(1 << 20)
                if not data:
                    break
                digest.update(data)
                octets += len(data)
            digests.append((octets, digest.hexdigest()))
        expected.stdout.close()
        expected.wait()
        self.assertGreater(digests[1][0], 200 << 20)
        self.assertEqual(digests[0], digests[1])
        self.assertEqual(process.wait(), 0)

    def test_big_input_is_intact(self):
        octets = os.urandom(1 << 20) * 40
        done = self.run_in('sha256sum', input=octets)
        self.assertEqual(done.text.split()[0], hashlib.sha256(octets).hexdigest())

    def test_a_program_that_does_not_read_its_input(self):
        self.assert_code(self.run_in('true', input=bytes(4 << 20)), 0)

    def test_a_reader_that_goes_away(self):
        process = self.popen('run', '--', 'yes')
        self.started(process)
        process.stdout.close()
        process.stdout = None
        process.communicate(timeout=20)
        self.assertIn(process.returncode, (128 + signal.SIGPIPE, -signal.SIGPIPE, 1))

    def test_output_to_files(self):
        path = self.make_file('out')
        with open(path, 'wb') as file:
            self.assert_code(self.sh('echo one; echo two >&2', stdout=file, stderr=file), 0)
        self.assertEqual(sorted(pathlib.Path(path).read_text().split()), ['one', 'two'])

    def test_closed_streams(self):
        for number in (0, 1, 2):
            with self.subTest(number):
                redirect = f'{number}{"<" if number == 0 else ">"}&-'
                words = [*self.identity.prefix, 'sh', '-c', f'exec "$@" {redirect}', 'sh',
                         support.BINARY, 'run', '--', 'sh', '-c', 'cat; echo out; echo err >&2; :']
                done = self.immure(words=words)
                # writing to what is closed fails or raises SIGPIPE, but goes nowhere else
                self.assertIn(done.code, (0, 141) if number else (0,), done)
                if number != 1:
                    self.assertEqual(done.out, b'out\n')
                if number != 2 and done.code == 0:
                    self.assertEqual(done.err.splitlines()[-1:], [b'err'])

    def test_a_folder_as_stdin_is_refused(self):
        descriptor = os.open('/', os.O_RDONLY)
        try:
            self.assert_refused(self.immure('run', '--', 'true', stdin=descriptor),
                                '(?i)director|folder')
        finally:
            os.close(descriptor)

    def test_no_other_descriptor_comes_along(self):
        descriptor = os.open('/', os.O_RDONLY)
        os.set_inheritable(descriptor, True)
        try:
            done = self.sh('ls /proc/self/fd', pass_fds=[descriptor])
        finally:
            os.close(descriptor)
        self.assert_prints(done, '0\n1\n2\n3\n')  # the last is ls's own


@as_root_and_user
class Pipes(support.Tests):
    """The caller's pipes are joined to the program's: they must behave as one pipe each."""

    def _unread(self, *arguments):
        """Start it with a stdout nobody reads."""
        return self.popen('run', *arguments, stdin=subprocess.DEVNULL)

    def test_order_of_both_outputs(self):
        script = 'i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); echo $i >&2; i=$((i+1)); done'
        done = self.sh(script, stderr=subprocess.STDOUT)
        self.assertEqual(done.text.split(), [str(i) for i in range(1000)])

    def test_a_reader_that_comes_after_the_end(self):
        """Many small writes fit as into a pipe of 64 KiB, so that the program need not wait."""
        process = self._unread('--', 'sh', '-c', 'i=0; while [ $i -lt 1000 ]; do i=$((i+1)); '
                               'echo "a line of some fifty octets, and no buffer"; done')
        self.assertEqual(process.wait(20), 0)
        self.assertEqual(len(process.stdout.read().splitlines()), 1000)

    def test_what_is_written_at_the_end_arrives(self):
        process = self._unread('--', 'sh', '-c', 'head -c 1500000 /dev/zero; echo end >&2; exit 3')
        self.assertEqual(process.stderr.readline(), b'end\n')
        time.sleep(0.5)
        self.assertIsNone(process.poll(), 'it left with output that nobody has')
        octets = 0
        while data := process.stdout.read(100000):
            octets += len(data)
        self.assertEqual((octets, process.wait(5)), (1500000, 3))

    def test_a_slow_reader_makes_the_writer_wait(self):
        process = self._unread('--', 'sh', '-c', 'head -c 9000000 /dev/zero; echo end >&2')
        self.assertEqual(select.select([process.stderr], [], [], 1)[0], [])
        self.assertEqual(len(process.communicate(timeout=20)[0]), 9000000)

    def _unread_socket(self, *arguments):
        """The same with a socket, which is relayed otherwise. Return: the process, the reader's end."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = self.popen('run', *arguments, stdin=subprocess.DEVNULL, stdout=theirs)
        self.addCleanup(ours.close)
        return process, ours

    def test_sockets_too(self):
        process, reader = self._unread_socket('--', 'head', '-c', 3000000, '/dev/zero')
        self.assertEqual(sum(len(data) for data in iter(lambda: reader.recv(65536), b'')), 3000000)
        self.assertEqual(process.wait(10), 0)
        for octets in (300000, 9000000):
            with self.subTest(octets):
                process, _ = self._unread_socket('--timeout', '1s', '--', 'head', '-c', octets, '/dev/zero')
                self.assertEqual(process.wait(10), 124)
                process, _ = self._unread_socket('--', 'head', '-c', octets, '/dev/zero')
                time.sleep(0.5)
                process.terminate()
                self.assertIn(process.wait(10), (128 + signal.SIGTERM, -signal.SIGTERM))

    def test_stdin_that_cannot_be_read(self):
        """It is the end of a pipe for writing: a fault only if somebody reads it."""
        reader, writer = os.pipe()
        with open(writer, 'wb') as stdin:
            process = self.popen('run', '--', 'sh', '-c', 'sleep 0.5; exit 3', stdin=stdin)
        os.close(reader)
        self.assertEqual((process.wait(10), process.stderr.read()), (3, b''))

    def test_nobody_reads_and_time_is_up(self):
        for octets in (1500000, 9000000):  # the program has ended; it waits for room
            with self.subTest(octets):
                process = self._unread('--timeout', '1s', '--', 'head', '-c', octets, '/dev/zero')
                self.assertEqual(process.wait(10), 124)

    def test_nobody_reads_and_it_is_ended(self):
        for octets in (1500000, 9000000):
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(octets, signal=number.name):
                    process = self._unread('--', 'sh', '-c', f'echo on >&2; exec head -c {octets} /dev/zero')
                    self.assertEqual(process.stderr.readline(), b'on\n')
                    time.sleep(0.3)
                    process.send_signal(number)
                    self.assertEqual(process.wait(10), 128 + number)

    def test_the_writer_gets_sigpipe(self):
        process = self._unread('--', 'sh', '-c', 'yes; kill -l $? >&2')
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b'PIPE\n')
        process.stdout = None
        self.assertEqual(process.wait(10), 0)

    def test_the_caller_gets_sigpipe(self):
        process = self.popen('run', '--', 'sh', '-c', 'exec <&-; echo closed; sleep 60')
        self.assertEqual(process.stdout.readline(), b'closed\n')
        with self.assertRaises(BrokenPipeError):
            for _ in range(50):
                process.stdin.write(bytes(1 << 16))
                time.sleep(0.02)
        process.terminate()
        process.communicate(timeout=10)

    def test_end_of_stdin(self):
        process = self.popen('run', '--', 'sh', '-c', 'cat; echo end')
        process.stdin.write(b'one\n')
        self.assertEqual(process.stdout.readline(), b'one\n')
        process.stdin.close()
        process.stdin = None
        self.assertEqual(process.communicate(timeout=10)[0], b'end\n')

    def test_a_daemon_holds_nobody(self):
        for script in ('sleep 1000 & echo x', 'yes >&2 & echo x'):
            with self.subTest(script):
                done = self.sh(script)
                self.assertEqual((done.code, done.out), (0, b'x\n'))

    def test_named_pipe(self):
        path = os.path.join(self.folder, 'fifo')
        os.mkfifo(path)
        with open(os.open(path, os.O_RDWR), 'rb', buffering=0) as reader:
            with open(path, 'wb') as fifo:
                self.assert_code(self.run_in('echo', 'x', stdout=fifo), 0)
            self.assertEqual(reader.read(10), b'x\n')


@as_root_and_user
class Environment(support.Tests):
    def test_only_what_is_harmless(self):
        host = {'SECRET': 'x', 'SSH_AUTH_SOCK': '/x', 'LD_PRELOAD': '', 'LC_ALL': 'C', 'TZ': 'UTC',
                'XDG_RUNTIME_DIR': '/run/user/0', 'LC_X': 'y'}
        done = self.run_in('env', env=host)
        names = dict(line.split('=', 1) for line in done.text.splitlines())
        self.assertTrue(all(re.fullmatch(r'PATH|HOME|TERM|LANG|LC_\w+|TZ', name) for name in names),
                        names)
        self.assertEqual((names['LC_ALL'], names['TZ'], names['LANG'], names['TERM']),
                         ('C', 'UTC', 'C.UTF-8', 'xterm'))
        self.assertNotEqual(names['HOME'], self.home)
        self.assertIn('/usr/bin', names['PATH'].split(':'))

    def test_env_option(self):
        options = ['--env', 'A=1', '--env', 'B=', '--env', 'C=x=y z', '--env', 'A=2',
                   '--env', 'PATH=/bin:/usr/bin']
        done = self.sh('printf "%s|" "$A" "${B-unset}" "$C" "$PATH"', *options)
        self.assert_prints(done, '2||x=y z|/bin:/usr/bin|')
        for bad in ('=x', '', 'A B=1', '1A=x'):
            with self.subTest(bad):
                self.assert_refused(self.run_in('true', options=['--env', bad]), '.')

    def test_user(self):
        self.assert_prints(self.run_in('id', '-u'), '1000\n')
        self.assert_prints(self.run_in('id', '-u', options=['--user', '0']), '0\n')
        self.assert_prints(self.run_in('id', '-g', options=['--user', '0']), '0\n')

    def test_no_power(self):
        for options in ([], ['--user', '0']):
            with self.subTest(options):
                done = self.run_in('cat', '/proc/self/status', options=options)
                fields = dict(line.split(':\t', 1) for line in done.text.splitlines())
                for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
                    self.assertEqual(int(fields[name], 16), 0, name)
                self.assertEqual((fields['NoNewPrivs'], fields['Seccomp']), ('1', '2'))
                self.assertIn(fields.get('Groups', '').strip(), ('', '0', '1000', '65534'))

    def test_signals_are_not_inherited_ignored(self):
        words = [*self.identity.prefix, 'sh', '-c', 'trap "" PIPE INT; exec "$@"', 'sh',
                 support.BINARY, 'run', '--', 'grep', '-E', 'SigIgn|SigBlk', '/proc/self/status']
        done = self.immure(words=words)
        self.assertEqual(set(re.findall(r'\t(\w+)', done.text)), {'0' * 16}, done)


@as_root_and_user
class Files(support.Tests):
    def test_working_directory(self):
        done = self.sh('pwd; stat -f -c %T .; ls -A; echo x > file && cat file')
        self.assert_prints(done, '/tmp/workspace\ntmpfs\nx\n')
        self.assert_prints(self.run_in('ls', '-A'), '')

    def test_root_is_read_only(self):
        for user in ('1000', '0'):
            for folder in ('/', '/usr', '/usr/bin', '/etc', '/bin', '/lib', '/proc', '/sys',
                           '/var'):
                with self.subTest(folder, user=user):
                    done = self.sh(f'test ! -d {folder} || : > {folder}/immure-test',
                                   '--user', user)
                    if done.code == 0:
                        self.assert_prints(self.sh(f'test -d {folder} || echo absent'), 'absent\n')

    def test_scratch_is_writable(self):
        self.assert_code(self.sh('echo x > /tmp/x && echo y > "$HOME/y" && echo z > /dev/null'), 0)

    def test_where_it_was_started_is_not_visible(self):
        path = self.make_file('marker', 'visible')
        self.assert_prints(self.run_in('ls', '-A', cwd=self.folder), '')
        self.assertNotEqual(self.run_in('cat', path).code, 0)

    def test_mount_for_writing(self):
        shared = self.make_folder('shared')
        self.make_file('shared/in', 'from the host')
        done = self.sh('cat /mnt/in; echo from inside > /mnt/out; mkdir /mnt/d; rm /mnt/in',
                       '-v', f'{shared}:/mnt')
        self.assert_prints(done, 'from the host')
        out = pathlib.Path(shared, 'out')
        self.assertEqual(out.read_text(), 'from inside\n')
        self.assertEqual(out.stat().st_uid, self.identity.uid)
        self.assertEqual(sorted(os.listdir(shared)), ['d', 'out'])

    def test_mount_for_reading(self):
        shared = self.make_folder('shared')
        self.make_file('shared/in', 'from the host', 0o666)
        for user in ('1000', '0'):
            done = self.sh('cat /mnt/in; for f in /mnt/in /mnt/new; do echo > $f; done;'
                           'rm -f /mnt/in; mkdir /mnt/d; chmod 777 /mnt; touch /mnt/in',
                           '-v', f'{shared}:/mnt:ro', '--user', user)
            self.assertNotEqual(done.code, 0)
            self.assertEqual(done.text, 'from the host')
            self.assertEqual(done.errors.count('Read-only file system'), 6, done)
        self.assertEqual(os.listdir(shared), ['in'])

    def test_mount_of_a_file_and_below_the_workspace(self):
        path = self.make_file('one', 'content')
        done = self.run_in('cat', 'deep/er/one',
                           options=['-v', f'{path}:/tmp/workspace/deep/er/one:ro'])
        self.assert_prints(done, 'content')

    def test_mount_does_not_lead_out(self):
        shared = self.make_folder('shared')
        secret = self.make_file('secret', 'secret')
        os.symlink(secret, f'{shared}/link')
        os.symlink('..', f'{shared}/up')
        done = self.sh('cat /mnt/link /mnt/up/secret /mnt/../secret', '-v', f'{shared}:/mnt')
        self.assertNotEqual(done.code, 0)
        self.assertEqual(done.out, b'')

    def test_rootfs(self):
        root = self.make_root('/bin/sh', '/bin/cat', '/usr/bin/id')
        self.make_file('root/marker', 'own root')
        done = self.sh('cat /marker; cd /usr && echo x > new', '--rootfs', root)
        self.assertEqual(done.text, 'own root')
        self.assertNotEqual(done.code, 0)
        self.assert_prints(self.sh('pwd; echo x > f; cat f', '--rootfs', root),
                           '/tmp/workspace\nx\n')
        self.assert_code(self.run_in('ls', options=['--rootfs', root]), 127)
        self.assertFalse(os.path.exists(f'{root}/usr/new'))

    def test_nothing_of_the_host_is_visible(self):
        marker = self.make_file('home/marker', 'visible')
        script = ('cat /etc/shadow /etc/gshadow /etc/sudoers /proc/1/environ /proc/kcore /dev/kmsg'
                  f' {marker}; for d in /root /home /run /var/run /mnt /media /srv /boot /var/lib'
                  ' /var/log /lost+found; do'
                  ' test ! -d $d || ls -A $d | grep -vxe user -e root -e immure; done')
        for user in ('1000', '0'):
            with self.subTest(user=user):
                self.assertEqual(self.sh(script, '--user', user).out, b'')

    def test_nothing_of_the_host_s_processes_is_visible(self):
        done = self.sh('for p in /proc/[0-9]*; do cat $p/comm; done; hostname')
        names = done.text.split()
        self.assertLessEqual(len(names), 5, names)
        self.assertNotIn(socket.gethostname(), names)

    def test_devices(self):
        done = self.sh('ls /dev')
        allowed = {'console', 'fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm',
                   'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero', 'core'}
        self.assertLessEqual(set(done.text.split()), allowed)


@as_root_and_user
class Network(support.Tests):
    def test_the_host_s_loopback_is_not_reached(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            listener.settimeout(0.5)
            port = listener.getsockname()[1]
            self.run_in('bash', '-c', f'exec 3<>/dev/tcp/127.0.0.1/{port}', timeout=30)
            with self.assertRaises(socket.timeout):
                listener.accept()

    def test_abstract_sockets_of_the_host_are_not_reached(self):
        with socket.socket(socket.AF_UNIX) as listener:
            name = f'immure-test-{os.getpid()}'
            listener.bind(f'\0{name}')
            listener.listen()
            code = f'import socket; socket.socket(socket.AF_UNIX).connect("\\0{name}")'
            self.assertNotEqual(self.run_in('python3', '-c', code).code, 0)

    def test_only_loopback(self):
        done = self.run_in('cat', '/proc/net/dev')
        devices = {line.split(':')[0].strip() for line in done.text.splitlines() if ':' in line}
        self.assertLessEqual(devices, {'lo', 'immure0', 'dummy0', 'sit0', 'ip6tnl0', 'tunl0'})


@as_root_and_user
class Ends(support.Tests):
    def run_until(self, script):
        process = self.popen('run', '--', 'sh', '-c', script)
        self.started(process)
        return process

    def test_signals_are_passed_on(self):
        for name in ('TERM', 'INT'):
            with self.subTest(name):
                process = self.run_until(f'trap "echo got {name}; exit 7" {name}; echo on; '
                                         'while :; do sleep 0.1; done')
                process.send_signal(signal.Signals[f'SIG{name}'])
                out, _ = process.communicate(timeout=20)
                self.assertEqual((process.returncode, out), (7, f'got {name}\n'.encode()))

    def test_signals_that_kill(self):
        for name in ('TERM', 'INT', 'HUP'):
            with self.subTest(name):
                number = signal.Signals[f'SIG{name}']
                process = self.run_until('echo on; exec sleep 1000')
                process.send_signal(number)
                process.communicate(timeout=20)
                self.assertIn(process.returncode, (128 + number, -number))

    def test_a_caller_that_ignores_its_children(self):
        """As many daemons do; it is inherited."""
        ignore = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
        words = self.words('run', '--', 'sh', '-c', 'true; exit 3')
        at = words.index(support.BINARY)
        done = self.immure(words=[*words[:at], support.PYTHON, '-c', ignore, *words[at:]])
        self.assert_code(done, 3)

    def test_kill_9_of_immure_leaves_nothing(self):
        process = self.run_until('sleep 1001 & setsid sleep 1002 & echo on; wait')
        vm_id = self.listed()[0]['id']
        process.kill()
        process.communicate(timeout=20)
        self.assertEqual(support.left_over(), [])
        self.assertEqual(self.status_of(vm_id), 'crashed')
        self.assert_code(self.immure('prune'), 0)
        self.assertEqual(self.listed(), [])
        self.assert_code(self.run_in('true'), 0)

    def test_kill_9_of_any_process_of_it_leaves_nothing(self):
        process = self.run_until('echo on; exec sleep 1003')
        count = len(support.descendants(process.pid))
        process.kill()
        process.communicate(timeout=20)
        for victim in range(count):
            process = self.run_until('echo on; exec sleep 1003')
            pids = sorted(support.descendants(process.pid))
            pid = pids[victim % len(pids)]
            with self.subTest(support.describe(pid)):
                os.kill(pid, signal.SIGKILL)
                process.send_signal(signal.SIGTERM)  # it may go on without that one
                _, err = process.communicate(timeout=30)
                self.assertNotEqual(process.returncode, 0, err)

    def test_kill_9_of_init(self):
        process = self.run_until('echo on; exec sleep 1004')
        vm_id = self.listed()[0]['id']
        program = eventually(lambda: support.process_of(process.pid, 'sleep 1004'))
        os.kill(support.init_of(program), signal.SIGKILL)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, support.OURS)
        self.assertNotEqual(err, b'')
        self.assertEqual(self.status_of(vm_id), 'crashed')

    def test_a_clean_end_leaves_a_stopped_sandbox(self):
        self.assert_code(self.run_in('true'), 0)
        self.assertEqual([vm['status'] for vm in self.listed()], ['stopped'])

    def records(self):
        """What is in the state folder, hidden names, too."""
        folder = os.path.join(self.state, 'vms')
        return os.listdir(folder) if os.path.isdir(folder) else []

    def test_rm_leaves_nothing(self):
        for options, words, code in (([], ['true'], 0), ([], ['sh', '-c', 'exit 7'], 7),
                                     ([], ['no-such-program'], 127), (['--log'], ['echo', 'x'], 0),
                                     (['--timeout', '1s'], ['sleep', '1000'], 124)):
            with self.subTest(words):
                self.assert_code(self.run_in(*words, options=['--rm', *options]), code)
                self.assertEqual(self.records(), [])

    def test_rm_after_a_signal(self):
        process = self.popen('run', '--rm', '--', 'sh', '-c', 'echo on; exec sleep 1000')
        self.started(process)
        self.assertEqual([vm['status'] for vm in self.listed()], ['running'])
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        self.assertEqual(self.records(), [])

    def test_rm_keeps_a_crash(self):
        """Whether its init dies or all of immure."""
        for victim in ('init', 'immure'):
            with self.subTest(victim):
                process = self.popen('run', '--rm', '--', 'sh', '-c', 'echo on; exec sleep 1005')
                self.started(process)
                program = eventually(lambda: support.process_of(process.pid, 'sleep 1005'))
                os.kill(support.init_of(program) if victim == 'init' else process.pid, signal.SIGKILL)
                process.communicate(timeout=20)
                self.assertEqual([vm['status'] for vm in self.listed()], ['crashed'])
                self.assert_code(self.immure('prune'), 0)

    def test_a_start_that_fails_leaves_no_record(self):
        """It was told why; a record could say no more."""
        empty = self.make_folder('empty')
        file = self.make_file('file')
        for options in (['--rootfs', '/no/such'], ['--rootfs', file], ['-v', '/no/such:/mnt'],
                        ['--image', 'no-such-image'], ['-v', f'{file}:/tmp/workspace'],
                        ['--allow-degraded', 'no-such-wall'], ['-v', f'{empty}:/proc/x'],
                        *([] if self.holds('memory-limit') else [['--memory', '64M']])):
            for command in ('run', 'start'):
                with self.subTest([command, *options]):
                    self.assert_refused(self.immure(command, *options, '--', 'true'), '.')
                    self.assertEqual(self.records(), [])

    def test_side_by_side(self):
        processes = [self.popen('run', '--', 'sh', '-c', f'sleep 1; echo {number}')
                     for number in range(8)]
        self.assertEqual([process.communicate(timeout=60)[0] for process in processes],
                         [f'{number}\n'.encode() for number in range(8)])


@as_root_and_user
class Limits(support.Tests):
    def test_processes(self):
        done = self.sh('for i in $(seq 200); do sleep 5 & done; echo $?', '--processes', '50',
                       '--timeout', '30s')
        self.assertRegex(done.errors, '(?i)fork|resource|spawn')

    def test_memory(self):
        """By a cgroup where there is one, else for each process by itself, with leave."""
        code = 'b = bytearray(600 << 20); print(len(b))'
        leave = ['--allow-degraded', 'limits']
        done = self.run_in('python3', '-c', code, options=['--memory', '200M', *leave])
        self.assertNotEqual(done.code, 0)
        self.assert_prints(self.run_in('python3', '-c', code, options=['--memory', '2G', *leave]),
                           f'{600 << 20}\n')

    def test_out_of_memory_is_said(self):
        """By run, by exec, and by get once the sandbox has ended; never of a SIGKILL that came otherwise."""
        said = 'has reached its limit of memory'
        code = 'b = bytearray(600 << 20); print(len(b))'
        if not self.holds('memory-limit'):  # each process by itself: it is refused memory, not killed
            done = self.run_in('python3', '-c', code, options=['--memory', '200M', '--allow-degraded', 'limits'])
            self.assertEqual((done.code, 'MemoryError' in done.errors, said in done.errors), (1, True, False), done.errors)
            return
        done = self.run_in('python3', '-c', code, options=['--memory', '64M'])
        self.assertEqual((done.code, said in done.errors), (137, True), done.errors)
        done = self.run_in('sh', '-c', 'kill -9 $$', options=['--memory', '64M'])
        self.assertEqual((done.code, said in done.errors), (137, False), done.errors)
        vm_id = self.start('--memory', '64M')
        for command, wanted in ((['python3', '-c', code], True), (['sh', '-c', 'kill -9 $$'], False),
                                (['sh', '-c', f'python3 -c "{code}"; exit $?'], True), (['true'], False)):
            done = self.immure('exec', vm_id, '--', *command)
            self.assertEqual(said in done.errors, wanted, (command, done.errors))
        self.assertIsNone(self.immure('get', vm_id).json()['end'])
        self.immure('stop', vm_id)
        self.assertEqual(self.immure('get', vm_id).json()['end']['oom_kills'], 2)
        self.immure('rm', vm_id)

    def _start_of(self, *options):
        vm_id = self.start(*options)
        start = self.immure('get', vm_id).json()['start']
        self.immure('kill', vm_id)
        return start['walls']['limits'], start['limits']

    def test_limits_are_held_or_refused(self):
        """A limit of each process by itself does not bound a sandbox: where no cgroup holds it for all
        together, it is refused, unless that is said to be enough; then it is on record."""
        cases = ((['--memory', '256M'], 'memory', 'memory-limit', 'rlimit, each process'),
                 (['--cpus', '1.5'], 'cpus', 'cpu-limit', 'not held'))
        for options, limit, fact, recorded in cases:
            with self.subTest(limit):
                if self.holds(fact):
                    wall, limits = self._start_of(*options)
                    self.assertEqual((wall, limits[limit][:6]), ('up', 'cgroup'))
                    continue
                why = f'no cgroup can hold the limit on {limit} .*root.*Delegate.*--allow-degraded limits'
                for command in ('run', 'start'):
                    self.assert_refused(self.immure(command, *options, '--', 'true'), why)
                wall, limits = self._start_of(*options, '--allow-degraded', 'limits')
                self.assertEqual((wall, limits[limit]), ('degraded', recorded))
        wall, limits = self._start_of('--allow-degraded', 'limits')
        self.assertEqual((wall, limits['memory'], limits['cpus']), ('up', 'none asked', 'none asked'))

    def test_scratch_space(self):
        done = self.sh('head -c 100M /dev/zero > file', '--disk', '20M')
        self.assertRegex(done.errors, 'No space left')

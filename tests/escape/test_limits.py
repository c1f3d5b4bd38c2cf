# SPDX-License-Identifier: Apache-2.0
"""Row C17: bombs, and C25: what a hostile program makes others print."""
import os
import resource
import time

import rig
import support
from support import as_root_and_user


@as_root_and_user
class Limits(rig.Row):
    def _responsive(self):
        """The host still forks, and at once."""
        started = time.monotonic()
        self.assertEqual(os.system('true'), 0)
        self.assertLess(time.monotonic() - started, 3, 'the host does not respond')

    def test_C17_fork_bomb(self):
        for options in (('--processes', '40'), ('--processes', '40', *rig.BE_ROOT)):
            tried = self.hostile('C17-fork', '200', options=options)
            self.assertLessEqual(int(tried.one('made')), 40, tried.done)
            self.assertEqual(tried.one('stopped'), 'EAGAIN')
        self._responsive()

    def test_C17_fork_bomb_that_ignores_everything(self):
        """It goes on until the sandbox is ended from outside; then nothing is left (see the rig)."""
        started = time.monotonic()
        done = self.sh('trap "" TERM HUP INT; bomb() { bomb | bomb & }; bomb; sleep 60', '--processes', '60',
                       '--timeout', '2s', timeout=20)
        self.assert_code(done, 124)
        self.assertLess(time.monotonic() - started, 15)
        self._responsive()

    def test_C17_threads(self):
        tried = self.hostile('C17-threads', '200', options=['--processes', '40'])
        self.assertLessEqual(int(tried.one('made')), 40, tried.done)

    def test_C17_processes_are_counted_by_sandbox(self):
        """Another sandbox of the same user has its own count."""
        vm_id = self.start('--processes', '40', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro', '--', rig.PROGRAM,
                           'C17-fork', '200')
        tried = self.hostile('C17-fork', '30', options=['--processes', '40'])
        self.assertGreaterEqual(int(tried.one('made')), 25, tried.done)
        self.immure('kill', vm_id)

    def _memory_is_refused(self):
        """No cgroup, no limit: the sandbox does not start, unless its owner asks for less, and then
        the record says how little that is. Return: is it so here?"""
        if self.holds('memory-limit'):
            return False
        self.assert_refused(self.sh('true', '--memory', '64M'), 'no cgroup can hold the limit on memory')
        vm_id = self.start('--memory', '64M', '--allow-degraded', 'limits')
        start = self.immure('get', vm_id).json()['start']
        self.assertEqual((start['walls']['limits'], start['limits']['memory']),
                         ('degraded', 'rlimit, each process'))
        self.immure('kill', vm_id)
        return True

    def _memory(self, kind, mib=256, by_process=False):
        """@by_process: without a cgroup, too, one process gets no more."""
        options = ['--memory', '64M']
        if self._memory_is_refused():
            if not by_process:
                return
            options += ['--allow-degraded', 'limits']
        tried = self.hostile('C17-memory', kind, mib, options=options, code=None)
        used = max([0, *map(int, tried.all('used'))])
        self.assertLessEqual(used, 72, tried.done)
        self._responsive()

    def test_C17_memory_private(self):
        self._memory('private', by_process=True)

    def test_C17_memory_heap(self):
        self._memory('heap', by_process=True)

    def test_C17_memory_shared(self):
        self._memory('shared')

    def test_C17_memory_memfd(self):
        self._memory('memfd')

    def test_C17_memory_sysv(self):
        self._memory('sysv')

    def test_C17_memory_of_many_processes(self):
        self._memory('fork')

    def test_C17_memory_in_scratch(self):
        if self._memory_is_refused():
            return
        done = self.sh('dd if=/dev/zero of=/tmp/fill bs=1M count=200 2>/dev/null; stat -c %s /tmp/fill',
                       '--memory', '64M')
        size = int(done.text or 0) if done.code == 0 else 0
        self.assertLessEqual(size, 72 << 20, done)

    def test_C17_disk(self):
        places = ['/tmp', '/var/tmp', '/dev/shm', '/run/user']
        for options, more in ((('--disk', '16M'), '/home/user'), (('--disk', '16M', *rig.BE_ROOT), '/root')):
            tried = self.hostile('C17-disk', '64', *places, more, options=options)
            self.assertLessEqual(int(tried.one('written')), 16, tried.done)
            self.assertIn('/tmp ENOSPC', tried.all('stopped'))
            absent = tried.refused.pop('fallocate_/run/user')  # nobody's place to write
            self.assertIn(absent, {'ENOENT', 'EROFS', 'EACCES'}, tried.done)
            self.assertEqual(set(tried.refused.values()), {'ENOSPC'}, tried.done)

    def test_C17_tmpfs(self):
        tried = self.hostile('C17-disk', '64', '/mnt/fast', options=['--tmpfs', '/mnt/fast:8M'])
        self.assertLessEqual(int(tried.one('written')), 8, tried.done)

    def test_C17_default_disk_is_bounded(self):
        done = self.sh("df -k /tmp | tail -1 | tr -s ' ' | cut -d' ' -f2")
        memory_kib = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 1024
        self.assertLessEqual(int(done.text), memory_kib // 2 + 4)

    def test_C17_inodes(self):
        """An empty file costs about 1 KiB of the kernel's memory, which --disk should bound, too."""
        tried = self.hostile('C17-inodes', '20000', '/tmp', '/mnt/fast',
                             options=['--disk', '8M', '--tmpfs', '/mnt/fast:8M'])
        for place, inodes in (row.split()[:2] for row in tried.all('inodes')):
            with self.subTest(place):
                self.assertLessEqual(int(inodes), 1 << 20, 'without a limit')
                self.assertLessEqual(int(inodes), 64 * 1024, 'out of proportion to 8 MiB')

    def test_C17_descriptors(self):
        tried = self.hostile('C17-descriptors', '30000')
        self.judge(tried)
        self.assertLessEqual(int(tried.one('limit')), 1 << 20)
        self._responsive()

    def test_C17_orphans(self):
        self.assertEqual(self.hostile('C17-orphans', '100').one('left'), '0')

    def test_C17_greed(self):
        """Whatever limits the caller has (an audio group's real-time priority, unlimited locks)."""
        self.refused('C17-greed', errors={'ENOMEM'}, least=6)

    def test_C17_greed_of_a_privileged_caller(self):
        if os.getuid() != 0:
            self.skipTest('needs root to set up')
        words = ['prlimit', '--rtprio=50:50', '--nice=40:40', '--memlock=unlimited:unlimited',
                 *self.identity.prefix, support.BINARY, 'run', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro', '--',
                 rig.PROGRAM, 'C17-greed']
        done = self.immure(words=words, timeout=20)
        if 'failed to set' in done.errors:
            done = self.immure(words=words[4:], timeout=20)  # this root has no more to give than now
        self.judge(rig.Attempts(done), errors={'ENOMEM'}, least=6)

    def test_C17_log(self):
        """What `start` keeps of the output is bounded."""
        vm_id = self.start('--', 'sh', '-c', 'head -c 90000000 /dev/zero; echo end')
        support.eventually(lambda: self.status_of(vm_id) == 'stopped', 15)
        self.assertLessEqual(os.path.getsize(f'{self.state}/vms/{vm_id}/logs/vm.log'), 65 << 20)


ESCAPES = '\x1b]0;owned\x07\x1b[2J\x1b[31m\nvm-00000000  running\r\x9b6n\u202e'


@as_root_and_user
class Output(rig.Row):
    """C25: what is printed about a sandbox cannot drive the terminal."""

    def _plain(self, octets, but=b''):
        text = octets.replace(b'\r\n', b'\n').decode('utf-8', 'replace')
        bad = [char for char in text if (ord(char) < 32 and char not in '\n\t' or 127 <= ord(char) < 160
                                         or char in '\u202e\u2028') and char.encode() not in but]
        self.assertEqual(bad, [], octets)

    def test_C25_command_in_listings(self):
        vm_id = self.start('--', 'sh', '-c', 'sleep 60', ESCAPES)
        for arguments in (['list'], ['list', '--json'], ['get', vm_id], ['status', vm_id], ['status'],
                          ['list', '--quiet'], ['kill', vm_id], ['prune'], ['logs', vm_id]):
            with self.subTest(arguments):
                done = self.immure(*arguments, tty=True)
                self._plain(done.out)
                if arguments == ['list']:
                    self.assertEqual(len(done.out.splitlines()), 2, done)

    def test_C25_log_on_a_terminal(self):
        vm_id = self.start('--', 'printf', '%s', ESCAPES)
        support.eventually(lambda: self.status_of(vm_id) == 'stopped', 10)
        self._plain(self.immure('logs', vm_id, tty=True).out)

    def test_C25_attach_on_a_terminal(self):
        script = 'sleep 1; printf "\\033]0;owned\\007\\033[6n"'
        vm_id = self.start('--', 'sh', '-c', script)
        self._plain(self.immure('attach', vm_id, tty=True, timeout=20).out)

    def test_C25_program_without_a_terminal(self):
        """It writes text: on a terminal colours pass, but nothing that the terminal would answer."""
        script = 'printf "\\033[31mred\\033]52;c;eA==\\007\\033[6n\\033[32mgreen" >&%d'
        vm_id = self.start()
        for stream in (1, 2):
            for words in (['run', '-T', '--'], ['exec', '-T', vm_id, '--']):
                with self.subTest(words[:1], stream=stream):
                    done = self.immure(*words, 'sh', '-c', script % stream, tty=True, timeout=20)
                    self.assertEqual(done.out, b'\x1b[31mred\\x1b]52;c;eA==\\x07\\x1b[6n\x1b[32mgreen\x1b[0m')
        self.immure('kill', vm_id)

    def test_C25_program_with_a_terminal(self):
        """Full-screen programs drive the terminal they were given, as by ssh; pipes get every octet."""
        vm_id = self.start()
        for words in (['run', '--'], ['exec', vm_id, '--']):
            for tty in (True, False):
                done = self.immure(*words, 'printf', '\\033[?1049h\\033[6n\\302\\233', tty=tty, timeout=20)
                self.assertEqual(done.out, b'\x1b[?1049h\x1b[6n\xc2\x9b')
        self.immure('kill', vm_id)

    def test_C25_errors(self):
        for arguments in (['run', '--', ESCAPES], ['run', '-v', f'/no/{ESCAPES}:/mnt', '--', 'true'],
                          ['run', '--allow-degraded', ESCAPES, '--', 'true'], ['get', ESCAPES], [ESCAPES],
                          ['run', f'--{ESCAPES}', '--', 'true'], ['run', '-w', f'/{ESCAPES}', '--', 'true'],
                          ['run', '--rootfs', f'/no/{ESCAPES}', '--', 'true'], ['exec', ESCAPES, 'true'],
                          ['run', '--hostname', ESCAPES, '--', 'true'], ['run', '-e', ESCAPES, '--', 'true']):
            with self.subTest(arguments[:2]):
                self._plain(self.immure(*arguments).err)

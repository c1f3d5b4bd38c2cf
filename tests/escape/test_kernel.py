# SPDX-License-Identifier: Apache-2.0
"""Rows C7 to C16, C20, C23: the kernel, other processes, privileges, missing walls."""
import os
import pathlib
import shutil
import socket
import stat

import rig
import support
from support import as_root_and_user


@as_root_and_user
class Kernel(rig.Row):
    def test_C07_namespaces(self):
        # EINVAL: unshare() of what this process cannot have; clone3() is ENOSYS before any look
        self.refused('C07', least=40)

    def test_C07_mounts(self):
        self.refused('C07-mounts', least=20)

    def test_C08_init_and_host_processes(self):
        # as root inside one may open the folders of a process that cannot be dumped, but not look on
        folders = {'open_folder_/proc/1/fd', 'open_folder_/proc/1/map_files', 'open_folder_/proc/1/task/1/fd'}
        self.refused('C08', os.getpid(), os.getppid(), errors={'ESRCH'}, but=folders, least=30)

    def test_C08_signals_do_not_reach_init(self):
        tried = self.hostile('C08-signals', code=None)
        self.assertEqual(tried.one('alive'), 'yes', tried.done)
        self.assertEqual(tried.done.code, 137, tried.done)  # killed by its own kill(-1), init not

    def test_C08_only_own_processes(self):
        self.assertLessEqual(int(self.hostile('C08-processes').one('processes')), 3)

    def test_C08_limits_of_init(self):
        """init has the uid of what it starts: its limits must not be theirs to set."""
        self.refused('C08-meddle', least=15)

    def test_C09_io_uring(self):
        for identity in ((), rig.BE_ROOT):
            tried = self.hostile('C09', options=identity)
            self.judge(tried, least=3)
            self.assertEqual(set(tried.refused.values()), {'ENOSYS'})

    def test_C11_calls_nobody_needs(self):
        self.refused('C11', least=40)

    def test_C12_terminal_ioctls(self):
        self.refused('C12', errors={'ENOTTY', 'EINVAL'}, least=5)

    def test_C12_on_a_terminal(self):
        done = self.immure('run', '-t', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro', '--', rig.PROGRAM, 'C12',
                           tty=True, timeout=20)
        done.out = done.out.replace(b'\r\n', b'\n')
        tried = rig.Attempts(done)
        self.assertEqual(tried.one('stdin-tty'), '1', done)
        self.judge(tried, errors={'EINVAL'}, least=15)

    def test_C12_terminal_passed_as_stderr(self):
        """stdin and stdout are pipes, stderr is the person's terminal."""
        done = self.immure('run', '-T', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro', '--', 'sh', '-c',
                           f'exec {rig.PROGRAM} C12 <&2', tty=True, timeout=20)
        done.out = done.out.replace(b'\r\n', b'\n')
        tried = rig.Attempts(done)
        self.judge(tried, errors={'ENOTTY', 'EINVAL'}, least=5)
        self.assertEqual(tried.one('stdin-tty'), '0', 'a terminal of the host is inside')

    def test_C13_settings_of_the_machine(self):
        covered = {'open_w_/proc/kmsg', 'open_w_/proc/timer_list', 'open_w_/proc/keys'}  # by /dev/null
        self.refused('C13', errors={'ENOENT'}, but=covered, least=40)

    def test_C13_oom_score(self):
        """When memory runs out, the sandbox goes first; it must not be able to change that."""
        self.refused('C13-oom', least=3)

    def test_C13_crash_leaves_no_core(self):
        folder = self.share()
        tried = self.hostile('C13-crash', '/mnt/share', options=['-v', f'{folder}:/mnt/share'], code=139)
        self.judge(tried)
        self.assertEqual(os.listdir(folder), [])

    def test_C15_devices(self):
        folder = self.share()
        self.refused('C15', '/mnt/share', options=['-v', f'{folder}:/mnt/share'],
                     errors={'ENOENT', 'ENXIO', 'ENODEV'}, least=30)
        self.refused('C15', '/tmp', errors={'ENOENT', 'ENXIO', 'ENODEV'}, least=30)
        self.assertEqual(os.listdir(folder), [])

    def test_C15_contents_of_dev(self):
        names = self.run_in('ls', '/dev').text.split()
        self.assertEqual(set(names) - {'fd', 'full', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin',
                                       'stdout', 'tty', 'urandom', 'zero'}, set())

    def test_C16_powerless(self):
        for identity in ((), rig.BE_ROOT):
            tried = self.hostile('C16', options=identity)
            self.assertEqual((tried.one('caps'), tried.one('nnp'), tried.one('seccomp')), ('0', '1', '2'))
        self.refused('C16-gain', '/tmp', errors={'EINVAL'}, but={'setuid_0', 'setresuid_0', 'setgroups'},
                     least=6)

    def test_C16_set_uid_programs_of_the_system(self):
        for name in ('su', 'sudo', 'passwd', 'mount', 'newgrp', 'pkexec'):
            path = shutil.which(name)
            if path is None or not os.stat(path).st_mode & stat.S_ISUID:
                continue
            with self.subTest(name):
                done = self.immure('run', '--', 'sh', '-c', f'{name} --version </dev/null >/dev/null 2>&1 & '
                                   'wait; id -u; grep CapEff /proc/self/status', timeout=20)
                self.assertEqual(done.text.split(), ['1000', 'CapEff:', '0000000000000000'], done)
        self.assertIn(self.sh('su -c "id -u" </dev/null').code, range(1, 127))

    def _gained(self, folder, name):
        done = self.immure('run', '-v', f'{folder}:/mnt/share', '--', f'/mnt/share/{name}', 'C16', timeout=20)
        self.assert_code(done, 0)
        tried = rig.Attempts(done)
        self.assertEqual((tried.one('euid'), tried.one('caps')), ('1000', '0'), done)

    def test_C16_set_uid_copy_in_a_share(self):
        folder = self.share()
        shutil.copy(rig.OUTSIDE, f'{folder}/root')
        self.as_root('chown', 'root:root', f'{folder}/root')
        os.chmod(f'{folder}/root', 0o6755)
        self._gained(folder, 'root')

    def test_C16_capable_file_in_a_share(self):
        folder = self.share()
        shutil.copy(rig.OUTSIDE, f'{folder}/capable')
        self.as_root('setcap', 'all=ep', f'{folder}/capable')
        self._gained(folder, 'capable')

    def test_C16_no_set_uid_file_is_made(self):
        """What is set-uid in a shared folder would be so on the host."""
        folder = self.share()
        self.hostile('C16-setid', '/mnt/share', options=['-v', f'{folder}:/mnt/share'])
        self.hostile('C16-acl', '/mnt/share', options=['-v', f'{folder}:/mnt/share'])
        made = {name: oct(os.lstat(f'{folder}/{name}').st_mode) for name in os.listdir(folder)}
        self.assertGreater(len(made), 0)
        self.assertEqual({name: mode for name, mode in made.items()
                          if int(mode, 8) & (stat.S_ISUID | stat.S_ISGID)}, {}, 'set-uid or set-gid')

    def test_C16_set_uid_is_refused_with_EPERM(self):
        folder = self.share()
        tried = self.hostile('C16-setid', '/mnt/share', options=['-v', f'{folder}:/mnt/share'])
        self.judge(tried, least=30, but={name for name in tried.refused if name.startswith('openat2')})

    def test_C20_other_names_same_walls(self):
        ways = {'copy': 'cp /tmp/hostile/hostile /tmp/workspace/x && exec /tmp/workspace/x C09',
                'self': 'exec /proc/self/root/tmp/hostile/hostile C09',
                'link': 'ln -s /tmp/hostile/hostile /tmp/y && exec /tmp/y C09',
                'stdin': 'exec /proc/self/fd/9 C09 9</tmp/hostile/hostile',
                'loader': 'exec /lib64/ld-linux-x86-64.so.2 /bin/sh -c "exec /tmp/hostile/hostile C09"'}
        for name, script in ways.items():
            with self.subTest(name):
                done = self.sh(script, '-v', f'{rig.HOSTILE}:/tmp/hostile:ro')
                self.judge(rig.Attempts(done), least=3)


@as_root_and_user
class MissingWalls(rig.Row):
    """C23: a kernel that lacks something, made by a filter around immure."""

    def without(self, wall, *arguments):
        words = [*self.identity.prefix, rig.OUTSIDE, 'without', wall, support.BINARY, *arguments]
        return self.immure(words=words, timeout=20)

    def _waivable(self, wall):
        done = self.without(wall, 'run', '--', 'true')
        self.assert_refused(done, rf"wall '{wall}'")
        other = 'limits' if wall != 'limits' else 'landlock'
        self.assert_refused(self.without(wall, 'run', '--allow-degraded', other, '--', 'true'), wall)
        done = self.without(wall, 'start', '--allow-degraded', wall)
        self.assert_code(done, 0)
        vm_id = done.text.strip()
        shown = support.eventually(lambda: (lambda got: got if got['start'] else None)(
            self.immure('get', vm_id).json()), 5)  # it is recorded while the program starts
        self.assertEqual(shown['start']['walls'][wall], 'missing', shown['start']['walls'])
        others = {name for name, state in shown['start']['walls'].items() if state != 'up'}
        self.assertEqual(others, {wall})
        self.assert_code(self.immure('kill', '--all'), 0)

    def test_C23_landlock(self):
        self._waivable('landlock')

    def test_C23_seccomp(self):
        self._waivable('seccomp')

    def test_C23_capture(self):
        self._waivable('capture')

    def test_C23_cgroupns(self):
        self._waivable('cgroupns')

    def test_C23_limits(self):
        self._waivable('limits')

    def test_C23_walls_that_cannot_be_waived(self):
        for wall in ('netns', 'mountns', 'ipcns', 'utsns', 'nnp', 'caps', 'proc', 'root', 'userns'):
            if wall == 'nnp' and self.identity.uid != 0:
                continue  # the filter that takes it away needs it
            with self.subTest(wall):
                self.assert_refused(self.without(wall, 'run', '--', 'true'), 'wall|userns')
                self.assert_refused(self.without(wall, 'run', '--allow-degraded', wall, '--', 'true'),
                                    'wall|userns')

    def test_C23_unknown_wall(self):
        for name in ('nonsense', '', 'landlock,seccomp', 'LANDLOCK', 'all', '*'):
            with self.subTest(name):
                self.assert_refused(self.immure('run', '--allow-degraded', name, '--', 'true'), '.')

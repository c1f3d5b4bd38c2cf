# SPDX-License-Identifier: Apache-2.0
"""Section D: processes that are killed, disks that are full, sandboxes by the hundred."""
import os
import pathlib
import random
import signal
import subprocess
import time

import rig
import support
from support import as_root_and_user, descendants, eventually

MANY = int(os.environ.get('ESCAPE_SANDBOXES', '100'))


@as_root_and_user
class Faults(rig.Row):
    def _warden(self, vm_id):
        return int(pathlib.Path(f'{self.state}/vms/{vm_id}/pid').read_text().split()[0])

    def _begun(self, *command):
        vm_id = self.start('--', *(command or ('sh', '-c', 'sleep 300 & sleep 300')))
        warden = self._warden(vm_id)
        eventually(lambda: any('sleep' in support.command_line(pid) for pid in descendants(warden)), 10)
        return vm_id, warden

    def _crashed(self, vm_id, inside):
        self.assertEqual(eventually(lambda: [pid for pid in inside if _alive(pid)] == [], 10), True,
                         [support.describe(pid) for pid in inside if _alive(pid)])
        self.assertEqual(eventually(lambda: self.status_of(vm_id) == 'crashed', 5), True)
        self.assert_code(self.immure('prune'), 0)
        self.assertIsNone(self.status_of(vm_id))
        self.assertEqual(os.listdir(f'{self.state}/vms'), [])
        self.assert_code(self.run_in('true'), 0)  # the next start works

    def test_D_kill_the_warden(self):
        vm_id, warden = self._begun()
        inside = descendants(warden)
        self.assertGreater(len(inside), 2)
        os.kill(warden, signal.SIGKILL)
        self._crashed(vm_id, inside)

    def test_D_kill_the_warden_with_a_cgroup(self):
        done = self.immure('start', '--memory', '256M', '--allow-degraded', 'limits', '--', 'sleep', '300')
        self.assert_code(done, 0)
        vm_id = done.text.strip()
        warden = self._warden(vm_id)
        inside = descendants(warden)
        os.kill(warden, signal.SIGKILL)
        self._crashed(vm_id, inside)

    def test_D_kill_the_warden_of_run(self):
        process = self.popen('run', '--', 'sh', '-c', 'echo up; sleep 300')
        self.started(process)
        inside = descendants(process.pid)
        process.kill()
        process.communicate()
        vm_id = os.listdir(f'{self.state}/vms')[0]
        self._crashed(vm_id, inside)

    def test_D_kill_init(self):
        process = self.popen('run', '--', 'sh', '-c', 'echo up; sleep 300')
        self.started(process)
        child = next(pid for pid in descendants(process.pid) if support.command_line(pid).startswith('sh'))
        os.kill(support.init_of(child), signal.SIGKILL)
        err = process.communicate(timeout=15)[1].decode()
        self.assertEqual(process.returncode, 125, err)
        self.assertRegex(err, 'init|died')
        vm_id = os.listdir(f'{self.state}/vms')[0]
        self.assertEqual(self.status_of(vm_id), 'crashed')

    def test_D_kill_init_in_the_background(self):
        vm_id, warden = self._begun()
        inside = descendants(warden)
        child = next(pid for pid in inside if support.command_line(pid).startswith('sleep'))
        os.kill(support.init_of(child), signal.SIGKILL)
        self._crashed(vm_id, [*inside, warden])

    def test_D_kill_the_gateway(self):
        """During flows: the next one is refused by another gateway."""
        vm_id = self.start('-v', f'{rig.HOSTILE}:/tmp/hostile:ro')
        warden = self._warden(vm_id)
        seen = set()
        for _ in range(3):
            flows = subprocess.Popen(self.words('exec', vm_id, '--', rig.PROGRAM, 'flood', '192.0.2.1', '80',
                                                '300'), env=self.env, stdout=subprocess.DEVNULL)
            gateway = eventually(lambda: next((pid for pid in descendants(warden) if 'gateway' in
                                               support.command_line(pid) and pid not in seen), None), 10)
            self.assertTrue(gateway, 'no gateway')
            seen.add(gateway)
            os.kill(gateway, signal.SIGKILL)
            self.assertEqual(flows.wait(15), 0)
            done = self.immure('exec', vm_id, '--', rig.PROGRAM, 'tcp', '192.0.2.1', '80', '2001:db8::1', '80',
                               timeout=20)
            words = [value.split() for value in rig.Attempts(done).all('tcp')]
            self.assertEqual([row for row in words if row[2] not in ('DENIED', 'ECONNRESET', 'ECONNREFUSED')
                              or int(row[3]) > 5000], [], done)
            self.assertEqual(len(words), 2)
        self.assertEqual(self.status_of(vm_id), 'running')
        self.immure('kill', vm_id)

    def test_D_kill_at_random_moments(self):
        """During start-up, too: whatever dies, in the end nothing is left and the next start works."""
        chance = random.Random(4711 + self.identity.uid)
        for _ in range(25):
            process = self.popen('run', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro', '--', 'sh', '-c',
                                 f'sleep 0.05; {rig.PROGRAM} tcp 192.0.2.1 80; sleep 0.1')
            time.sleep(chance.uniform(0, 0.12))
            victims = [process.pid, *descendants(process.pid)]
            victim = chance.choice(victims)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.communicate(timeout=15)
        self.assertTrue(eventually(lambda: not [vm for vm in self.listed()
                                                if vm['status'] in ('running', 'starting', 'stopping')], 10))
        support.reap()
        self.assert_code(self.immure('prune'), 0)
        self.assert_code(self.run_in('true'), 0)

    def test_D_many_sandboxes(self):
        """Started and killed, eight at a time, by each way to end one."""
        todo, ids = MANY, []
        ends = [['kill'], ['kill', '--signal', 'KILL'], ['stop']]
        while todo > 0:
            batch = [self.popen('start', '--', 'sleep', '300') for _ in range(min(8, todo))]
            ids = [process.communicate(timeout=20)[0].decode().strip() for process in batch]
            self.assertEqual([process.returncode for process in batch], [0] * len(batch))
            for process in batch:
                self._running.remove(process)
            if todo % 3 == 0:
                for vm_id in ids:
                    os.kill(self._warden(vm_id), signal.SIGKILL)
            else:
                self.assert_code(self.immure(*ends[todo % len(ends)], *ids), 0)
            todo -= len(batch)
        self.assertTrue(eventually(lambda: not [vm for vm in self.listed() if vm['status'] == 'running'], 10))
        self.assert_code(self.immure('prune'), 0)
        self.immure('rm', '--stopped')
        self.assertEqual(self.listed(), [])
        self.assertEqual(os.listdir(f'{self.state}/vms'), [])

    def test_D_nothing_is_left(self):
        """An ended sandbox leaves its record, and no socket that nobody answers."""
        self.run_in('true')
        vm_id = self.start()
        self.immure('kill', vm_id)
        left = [str(path) for path in pathlib.Path(self.state).glob('vms/*/socket')]
        self.assertEqual(left, [])

    def test_D_few_descriptors(self):
        for limit in range(4, 24, 2):
            with self.subTest(limit):
                words = ['prlimit', f'--nofile={limit}:{limit}', *self.identity.prefix, support.BINARY, 'run',
                         '--', 'echo', 'up']
                done = self.immure(words=words, timeout=20)
                self.assertIn(done.code, (0, 125, 127) if limit < 6 else (0, 125), done)
                if done.code == 125:
                    self.assertRegex(done.errors, '(?i)files|descriptor|EMFILE')
                if done.code == 0:
                    self.assertEqual(done.text, 'up\n')

    def test_D_full_disk_under_the_state(self):
        if os.getuid() != 0:
            self.skipTest('needs root to set up')
        for size, fill in (('4k', 0), ('16k', 0), ('64k', 48), ('64k', 64)):
            with self.subTest(f'{size} {fill}'):
                script = (f'mount -t tmpfs -o size={size},mode=0755 none {self.home} && '
                          f'chown {self.identity.uid}:{self.identity.uid} {self.home} && '
                          f'head -c {fill}k /dev/zero >{self.home}/fill; exec "$@"')
                words = ['unshare', '-m', 'sh', '-c', script, 'sh', *self.identity.prefix, support.BINARY,
                         'run', '--', 'echo', 'up']
                done = self.immure(words=words, timeout=20)
                self.assertIn(done.code, (0, 125), done)
                if done.code == 125:
                    self.assertRegex(done.errors.lower(), 'no space|enospc')

    def test_D_full_disk_under_the_log(self):
        if os.getuid() != 0:
            self.skipTest('needs root to set up')
        script = (f'mount -t tmpfs -o size=256k,mode=0755 none {self.home} && '
                  f'chown {self.identity.uid}:{self.identity.uid} {self.home} && exec "$@"')
        words = ['unshare', '-m', 'sh', '-c', script, 'sh', *self.identity.prefix, support.BINARY, 'run', '--log',
                 '--', 'sh', '-c', 'head -c 2000000 /dev/zero; exit 3']
        done = self.immure(words=words, timeout=20)
        self.assertEqual((done.code, len(done.out)), (3, 2000000), done.errors)

    def test_D_state_folder_that_cannot_be_written(self):
        path = self.make_file('file')
        for home in (f'{path}/x', path, '/proc/immure', '/no/such/folder/deep', ''):
            with self.subTest(home):
                done = self.immure('run', '--', 'true', env={'IMMURE_HOME': home})
                if home:
                    self.assert_refused(done, 'IMMURE_HOME|folder|directory')

    def test_D_stopped_processes(self):
        """A program that stops all it can reach, init's helpers too, is still ended."""
        vm_id = self.start('--', 'sh', '-c', 'trap "" TERM; while :; do kill -STOP -1; sleep 0.01; done')
        self.assert_code(self.immure('kill', vm_id, timeout=20), 0)

    def test_D_limits_of_init_are_changed(self):
        """It may ruin its own sandbox, but that must end as a failure, not hang."""
        tried = self.hostile('C08-meddle', code=None)
        self.assertIn(tried.done.code, (0, 125), tried.done)


def _alive(pid):
    return support._status(pid).get('State', 'Z')[0] not in 'ZX'

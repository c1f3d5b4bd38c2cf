# SPDX-License-Identifier: Apache-2.0
"""Sandboxes in the background: start, list, get, exec, attach, logs, stop, kill, rm, prune."""
import calendar
import json
import os
import pathlib
import signal
import stat
import subprocess
import threading
import time

import support
from support import as_root_and_user, eventually


@as_root_and_user
class Background(support.Tests):
    def test_from_start_to_rm(self):
        vm_id = self.start('--', 'sh', '-c', 'echo begun; exec sleep 1000')
        self.assertEqual(self.status_of(vm_id), 'running')
        self.assert_prints(self.immure('exec', vm_id, '--', 'echo', 'inside'), 'inside\n')
        self.assert_code(self.immure('rm', vm_id), 1)
        self.assert_code(self.immure('stop', vm_id), 0)
        self.assertEqual(self.status_of(vm_id), 'stopped')
        self.assertNotEqual(self.immure('exec', vm_id, '--', 'true').code, 0)
        self.assertNotEqual(self.immure('stop', vm_id).code, 0)
        self.assert_code(self.immure('rm', vm_id), 0)
        self.assertEqual(self.listed(), [])
        self.assertNotEqual(self.immure('get', vm_id).code, 0)

    def test_start_returns_at_once_and_holds_no_stream(self):
        started = time.monotonic()
        vm_id = self.start('--', 'sleep', '1000')  # would wait for end of file on our pipes
        self.assertLess(time.monotonic() - started, 15)
        self.assert_code(self.immure('kill', vm_id), 0)

    def test_without_a_command_it_goes_on(self):
        vm_id = self.start()
        time.sleep(0.5)
        self.assertEqual(self.status_of(vm_id), 'running')
        self.assert_code(self.immure('stop', vm_id), 0)

    def test_it_ends_with_its_command(self):
        vm_id = self.start('--', 'sh', '-c', 'sleep 0.5')
        self.assertTrue(eventually(lambda: self.status_of(vm_id) == 'stopped'))

    def test_start_that_fails(self):
        self.assert_refused(self.immure('start', '--rootfs', '/no/such/folder'), 'no/such/folder')
        self.assertEqual(self.listed(), [])

    def test_rm(self):
        """Whatever its end, but for a crash; who follows the log misses nothing."""
        follow = None
        for end in ('command', 'stop', 'kill', 'timeout'):
            with self.subTest(end):
                vm_id = self.start('--rm', *(['--timeout', '2s'] if end == 'timeout' else []), '--', 'sh', '-c',
                                   'echo begun; sleep 1; echo done; ' + ('' if end == 'command' else 'sleep 1000'))
                if end == 'command':
                    follow = self.popen('logs', '-f', vm_id)
                elif end in ('stop', 'kill'):
                    self.assert_prints(self.immure(end, vm_id), f'{vm_id}\n')
                    self.assertEqual(os.listdir(f'{self.state}/vms'), [])
                self.assertTrue(eventually(lambda: os.listdir(f'{self.state}/vms') == []))
        self.assertEqual(follow.communicate(timeout=10), (b'begun\ndone\n', b''))

    def test_timeout(self):
        vm_id = self.start('--timeout', '1s', '--', 'sleep', '1000')
        self.assertTrue(eventually(lambda: self.status_of(vm_id) == 'stopped'))

    def test_survives_the_end_of_its_session(self):
        words = ['setsid', *self.words('start', '--', 'sleep', '1000')]
        vm_id = self.immure(words=words).text.strip()
        time.sleep(0.5)
        self.assertEqual(self.status_of(vm_id), 'running')

    def test_stop_asks_and_kill_insists(self):
        vm_id = self.start('--', 'sh', '-c', 'trap "echo asked; exit 0" TERM; echo on;'
                           'while :; do sleep 0.1; done')
        self.assertTrue(eventually(lambda: 'on' in self.immure('logs', vm_id).text))
        self.assert_code(self.immure('stop', vm_id), 0)
        self.assertIn('asked', self.immure('logs', vm_id).text)
        vm_id = self.start('--', 'sh', '-c', 'trap "" TERM INT HUP; while :; do sleep 1; done')
        self.assert_code(self.immure('kill', vm_id, timeout=40), 0)
        self.assertNotEqual(self.status_of(vm_id), 'running')

    def test_kill_all(self):
        ids = {self.start('--', 'sleep', '1000') for _ in range(3)}
        self.assert_code(self.immure('kill', '--all'), 0)
        self.assertEqual({vm['id'] for vm in self.listed()}, ids)
        self.assertEqual(self.listed('--running'), [])
        self.assert_code(self.immure('rm', '--stopped'), 0)
        self.assertEqual(self.listed(), [])


@as_root_and_user
class Look(support.Tests):
    def test_list(self):
        self.assertEqual(self.listed(), [])
        before = time.time() - 2
        one = self.start('--', 'sleep', '1000')
        time.sleep(1.1)  # they are listed by age, in seconds
        two = self.start('--', 'sh', '-c', 'exit 0')
        self.assertTrue(eventually(lambda: self.status_of(two) == 'stopped'))
        listed = self.listed()
        self.assertEqual([vm['id'] for vm in listed], [one, two])
        self.assertEqual([vm['id'] for vm in self.listed('--running')], [one])
        for vm in listed:
            self.assertLessEqual({'id', 'status', 'image', 'created_at', 'pid', 'command'}, set(vm))
        self.assertEqual((listed[0]['image'], listed[0]['command']), ('standard', 'sleep 1000'))
        self.assertTrue(os.path.exists(f'/proc/{listed[0]["pid"]}'))
        self.assertIn(listed[1]['pid'], (None, 0))
        self.assertRegex(listed[0]['created_at'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        created = time.strptime(listed[0]['created_at'], '%Y-%m-%dT%H:%M:%SZ')
        self.assertLess(before, calendar.timegm(created))
        table = self.immure('list').text.splitlines()
        self.assertEqual(table[0].split(), ['ID', 'STATUS', 'IMAGE', 'CREATED', 'PID', 'COMMAND'])
        self.assertEqual(table[1].split()[:2], [one, 'running'])
        self.assertEqual(len(table), 3)

    def test_get(self):
        vm_id = self.start('--disk', '512M', '--', 'sleep', '1000')
        got = self.immure('get', vm_id).json()
        self.assertEqual((got['id'], got['status'], got['image']), (vm_id, 'running', 'standard'))
        self.assertEqual(got['config']['resources']['disk_mb'], 512)
        for bad in ('vm-00000000', '../..', '', 'x' * 300, 'vm-1\n'):
            with self.subTest(bad):
                done = self.immure('get', bad)
                self.assertNotEqual(done.code, 0)
                self.assertNotEqual(done.err, b'')

    def test_status(self):
        self.start('--', 'sleep', '1000')
        counts = self.immure('status', '--json').json()
        self.assertEqual((counts['running'], counts['crashed']), (1, 0))
        self.assertRegex(self.immure('status').text, r'running +1')

    def test_logs(self):
        vm_id = self.start('--', 'sh', '-c', 'echo out; echo err >&2; sleep 1; echo end')
        follow = self.popen('logs', '-f', vm_id)
        out, _ = follow.communicate(timeout=20)
        self.assertEqual(sorted(out.split()), [b'end', b'err', b'out'])
        self.assertEqual(self.immure('logs', vm_id).out, out)
        self.assertNotEqual(self.immure('logs', 'vm-00000000').code, 0)

    def test_attach_watches(self):
        vm_id = self.start('--', 'sh', '-c', 'while :; do echo tick; sleep 0.1; done')
        attached = self.popen('attach', vm_id)
        self.assertEqual([self.started(attached) for _ in range(3)], ['tick'] * 3)
        attached.send_signal(signal.SIGINT)
        attached.communicate(timeout=10)
        self.assertEqual(self.status_of(vm_id), 'running')
        attached = self.popen('attach', vm_id)
        self.started(attached)
        self.assert_code(self.immure('kill', vm_id), 0)
        attached.communicate(timeout=10)

    def test_state_folder_is_private(self):
        vm_id = self.start('--env', 'PASSWORD=hunter2', '--', 'sleep', '1000')
        for folder, _, files in os.walk(self.state):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700, folder)
            for name in files:
                mode = os.lstat(os.path.join(folder, name)).st_mode
                self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, name)
        vm = pathlib.Path(self.state, 'vms', vm_id)
        self.assertEqual((vm / 'status').read_text().strip(), 'running')
        self.assertTrue(stat.S_ISSOCK((vm / 'socket').stat().st_mode))
        json.loads((vm / 'config.json').read_text())


@as_root_and_user
class Exec(support.Tests):
    def setUp(self):
        super().setUp()
        self.vm_id = self.start()

    def exec(self, *words, options=(), **more):
        return self.immure('exec', *options, self.vm_id, '--', *words, **more)

    def test_exit_codes(self):
        for script, code in (('exit 42', 42), ('exit 125', 125), ('kill -9 $$', 137)):
            with self.subTest(script):
                self.assert_code(self.exec('sh', '-c', script), code)
        self.assert_code(self.exec('no-such-program'), 127)
        self.assert_code(self.exec('/tmp'), 126)

    def test_streams(self):
        done = self.exec('sh', '-c', 'cat; echo err >&2', input=bytes(range(256)) * 10000)
        self.assertEqual((done.out, done.err), (bytes(range(256)) * 10000, b'err\n'))
        done = self.exec('seq', '3000000', timeout=120)
        self.assertEqual((len(done.out), done.out[-8:]), (22888896, b'3000000\n'))

    def test_they_share_the_sandbox(self):
        self.assert_code(self.exec('sh', '-c', 'echo shared > file'), 0)
        self.assert_prints(self.exec('cat', 'file'), 'shared\n')
        self.assert_prints(self.exec('pwd', options=['-w', '/usr']), '/usr\n')
        self.assert_prints(self.exec('printenv', 'A', options=['--env', 'A=b']), 'b\n')

    def test_environment_is_not_the_caller_s(self):
        done = self.exec('env', env={'SECRET': 'x'})
        self.assertNotIn('SECRET', done.text)

    def test_interrupting_it_ends_the_program_only(self):
        process = self.popen('exec', self.vm_id, '--', 'sh', '-c', 'echo on; exec sleep 1234')
        self.started(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        self.assertIn(process.returncode, (143, -signal.SIGTERM))
        process = self.popen('exec', self.vm_id, '--', 'sh', '-c', 'echo on; exec sleep 1234')
        self.started(process)
        process.kill()
        process.communicate()
        gone = 'for c in /proc/[0-9]*/cmdline; do tr "\\0" " " < $c; done | grep -c "^sleep 1234"'
        self.assertTrue(eventually(lambda: self.exec('sh', '-c', gone).text == '0\n'))
        self.assertEqual(self.status_of(self.vm_id), 'running')

    def test_many_at_once(self):
        results = {}

        def work(number):
            results[number] = self.exec('sh', '-c', f'sleep 0.2; echo {number}').text
        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, {number: f'{number}\n' for number in range(12)})

    def test_timeout(self):
        self.assert_code(self.exec('sleep', '60', options=['--timeout', '1s']), 124)
        self.assert_code(self.exec('true'), 0)


@as_root_and_user
class Stale(support.Tests):
    """State that is not true any more."""

    def forge(self, name='vm-0000f0f0', **files):
        folder = pathlib.Path(self.state, 'vms', name)
        folder.mkdir(parents=True, mode=0o700)
        for file, text in {'status': 'running\n', 'created_at': '1700000000\n',
                           'config.json': '{}', **files}.items():
            (folder / file).write_text(text)
        subprocess.run(['chown', '-R', str(self.identity.uid), self.state], check=True)
        subprocess.run(['chmod', '-R', 'u=rwX,go=', self.state], check=True)
        return name

    def test_a_reused_pid_is_not_ours(self):
        bystander = subprocess.Popen(['sleep', '1000'], user=self.identity.uid)
        try:
            vm_id = self.forge(pid=f'{bystander.pid} 12345\n')
            self.assertEqual(self.status_of(vm_id), 'crashed')
            self.assertNotEqual(self.immure('kill', vm_id).code, 0)
            self.assertNotEqual(self.immure('stop', vm_id).code, 0)
            self.immure('kill', '--all')
            self.assert_code(self.immure('prune'), 0)
            self.assertIsNone(bystander.poll())
        finally:
            bystander.kill()
            bystander.wait()
        self.assertEqual(self.listed(), [])

    def test_damaged_folders_do_not_hinder(self):
        for number, files in enumerate(({'pid': ''}, {'pid': 'x'}, {'status': 'happy'},
                                        {'pid': '-1 0'}, {'config.json': '{'},
                                        {'created_at': 'never'},
                                        {'pid': '99999999999999999999 1'}, {'pid': '1 1'})):
            self.forge(f'vm-0000000{number}', **files)
        listed = self.listed()
        self.assertEqual({vm['status'] for vm in listed}, {'crashed'}, listed)
        self.assertEqual(len(listed), 8)
        self.assert_code(self.immure('list'), 0)
        self.assert_code(self.immure('prune'), 0)
        self.assertEqual(self.listed(), [])

    def test_a_crash_is_seen_and_corrected(self):
        vm_id = self.start('--', 'sleep', '1000')
        pid = self.listed()[0]['pid']
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: self.status_of(vm_id) == 'crashed'))
        status = pathlib.Path(self.state, 'vms', vm_id, 'status').read_text()
        self.assertEqual(status.strip(), 'crashed')
        self.assert_code(self.immure('prune'), 0)
        self.assertEqual(self.listed(), [])

    def test_rm_follows_no_link(self):
        outside = self.make_folder('outside')
        precious = self.make_file('outside/precious')
        vm_id = self.forge(status='stopped\n')
        os.symlink(outside, pathlib.Path(self.state, 'vms', vm_id, 'logs'))
        self.assert_code(self.immure('rm', vm_id), 0)
        self.assertTrue(os.path.exists(precious))

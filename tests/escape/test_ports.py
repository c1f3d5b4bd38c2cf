# SPDX-License-Identifier: Apache-2.0
"""Published ports: the process that makes their sockets is out of reach, and no program opens a port itself."""
import os
import pathlib
import socket
import time

import rig
import support
from support import as_root_and_user, descendants, eventually

# as many listeners as it can, up to ten thousand; then some close and open all the time
LISTENERS = r'''
import resource, socket
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
servers = []
for port in range(20000, 30000):
    try:
        servers.append(socket.create_server(("127.0.0.1", port)))
    except OSError:
        pass
print("ready", flush=True)
while True:
    for i in range(len(servers)):
        port = servers[i].getsockname()[1]
        servers[i].close()
        servers[i] = socket.create_server(("0.0.0.0", port))
'''

LISTEN = r'''
import socket, sys, time
open_ones = [socket.create_server((address, int(port)), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
             for port in sys.argv[1:] for address in ("0.0.0.0", "::1", "fd00::2:15")]
print("ready", flush=True)
time.sleep(100)
'''


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as one:
        return one.getsockname()[1]


def answers(port, host='127.0.0.1'):
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False


@as_root_and_user
class Ports(rig.Row):
    def _dialler(self, warden):
        def name(pid):
            try:
                return pathlib.Path(f'/proc/{pid}/comm').read_text(encoding='utf-8').strip()
            except OSError:
                return ''
        return next((pid for pid in descendants(warden) if name(pid) == 'immure-dialler'), None)

    def test_C08_the_dialler_is_out_of_reach(self):
        """It is beside the sandbox: no process inside has a number for it."""
        vm_id = self.start('-p', '0:8000', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro')
        warden = next(vm['pid'] for vm in self.listed())
        dialler = eventually(lambda: self._dialler(warden))
        self.assertIsNotNone(dialler)
        folders = {'open_folder_/proc/1/fd', 'open_folder_/proc/1/map_files', 'open_folder_/proc/1/task/1/fd'}
        done = self.immure('exec', vm_id, '--', rig.PROGRAM, 'C08', str(dialler), str(warden), timeout=20)
        self.judge(rig.Attempts(done), errors={'ESRCH'}, but=folders, least=30)
        self.assertEqual(rig.Attempts(done).refused.get(f'kill_host_{dialler}'), 'ESRCH', done)
        done = self.immure('exec', vm_id, '--', rig.PROGRAM, 'C08-processes')
        self.assertLessEqual(int(rig.Attempts(done).one('processes')), 3)
        done = self.immure('exec', vm_id, '--', 'sh', '-c', 'grep -l dialler /proc/[0-9]*/comm; ls -d /proc/[0-9]*')
        self.assertNotIn('comm', done.text)
        self.assertNotIn(f'/proc/{dialler}\n', done.text)
        self.assertTrue(os.path.exists(f'/proc/{dialler}'), 'it lives')

    def test_C08_the_dialler_shares_the_network_alone(self):
        vm_id = self.start('-p', '0:8000')
        warden = next(vm['pid'] for vm in self.listed())
        dialler = eventually(lambda: self._dialler(warden))
        program = self.popen('exec', vm_id, '--', 'sh', '-c', 'echo ready; sleep 100')
        self.started(program)
        inside = eventually(lambda: next((pid for pid in descendants(warden) if support.command_line(pid) == 'sleep 100'), None))

        def space(pid, kind):
            return os.readlink(f'/proc/{pid}/ns/{kind}')
        if os.geteuid() == 0:
            self.assertEqual(space(dialler, 'net'), space(inside, 'net'))
            for kind in ('pid', 'mnt', 'ipc', 'uts', 'cgroup', 'user', 'time'):
                self.assertNotEqual(space(dialler, kind), space(inside, kind), kind)
            for kind in ('pid', 'mnt', 'ipc', 'uts', 'cgroup', 'time'):
                self.assertEqual(space(dialler, kind), space(warden, kind), kind)
            self.assertEqual(len(os.listdir(f'/proc/{dialler}/fd')), 1)

    def test_A20_a_flood_of_listeners(self):
        """Ten thousand of them, coming and going: 32 are published, at 127.0.0.1; the warden stays small and answers."""
        process = self.popen('run', '-p', 'auto', '--', support.PYTHON, '-c', LISTENERS)
        self.assertEqual(self.started(process), 'ready')
        (vm,) = self.listed('--running')
        longest = most = 0
        for _ in range(20):
            begun = time.monotonic()
            self.assertEqual(self.immure('exec', vm['id'], 'true').code, 0)
            longest = max(longest, time.monotonic() - begun)
            ports = self.listed('--running')[0]['ports']
            most = max(most, len(ports))
            self.assertEqual({one['address'] for one in ports} - {'127.0.0.1'}, set())
            time.sleep(0.1)
        self.assertLess(longest, 2)
        self.assertEqual(most, 32)
        self.assertLess(support.resident_mib(vm['pid']), 64)

    def test_A20_no_program_publishes(self):
        """Listening inside, on whatever address, opens nothing outside; nor does a port beside a published one."""
        published, other = free_port(), free_port()
        for options in ((), ('-p', f'{published}:{published}')):
            with self.subTest(' '.join(options)):
                process = self.popen('run', *options, '--', support.PYTHON, '-c', LISTEN, str(published), str(other))
                self.assertEqual(self.started(process), 'ready')
                self.assertEqual(answers(published), bool(options))
                self.assertFalse(answers(other))
                self.assertFalse(answers(other, '::1'))
                self.assertFalse(answers(published, '::1'))
                self.end(process)

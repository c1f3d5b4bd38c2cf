# SPDX-License-Identifier: Apache-2.0
"""The record of what was refused: a program can neither fill the disk nor memory by it, nor reach a terminal."""
import os
import time

import rig
import support
from servers import Server, answering
from support import as_root_and_user

# SECONDS: ask for as many names and flows as it can, each another; says how many
FLOOD = r'''
import os, socket, struct, sys, time
end = time.monotonic() + float(sys.argv[1])
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.connect(("10.0.2.3", 53))
dns.setblocking(False)
count = 0
while time.monotonic() < end:
    for _ in range(50):
        count += 1
        label = b"x%d" % count
        try:
            dns.send(struct.pack(">HHHHHH", count & 65535, 256, 1, 0, 0, 0) + bytes([len(label)]) + label +
                     b"\4test\0\0\1\0\1")
            dns.recv(512)
        except OSError:
            pass
    try:
        socket.create_connection(("192.0.2.%d" % (count % 250), 80), timeout=1).close()
    except OSError:
        pass
print(count)
'''

# requests on an allowed host whose methods, targets and names are meant for a terminal, a shell, a reader
ODD = r'''
import socket, sys
for request in (b"DELETE /\x1b[2J HTTP/1.1\r\nHost: a.test\r\n\r\n",
                b"DELETE /$(id)';x\"&{} HTTP/1.1\r\nHost: a.test\r\n\r\n",
                b"D\x1b]0;x\7 / HTTP/1.1\r\nHost: a.test\r\n\r\n",
                b"DELETE / HTTP/1.1\r\nHost: \x1b[2J.test\r\n\r\n",
                b"DELETE /" + b"y" * 9000 + b" HTTP/1.1\r\nHost: a.test\r\n\r\n",
                b"\x1b[2J\xff\xfe" * 9):
    try:
        with socket.create_connection(("a.test", int(sys.argv[1])), timeout=5) as connection:
            connection.sendall(request)
            connection.recv(4096)
    except OSError as error:
        print(error)
'''


@as_root_and_user
class Why(rig.Row):
    def test_a_flood_of_refusals(self):
        """For 12 s, each of another name: the file and the warden stay small, and others are still answered."""
        process = self.popen('run', '--', support.PYTHON, '-c', FLOOD, '12')
        support.eventually(lambda: self.listed('--running'))
        (vm,) = self.listed('--running')
        folder = os.path.join(self.state, 'vms', vm['id'])
        slowest = largest = 0
        while process.poll() is None:
            begun = time.monotonic()
            self.immure('exec', vm['id'], 'true')
            slowest = max(slowest, time.monotonic() - begun)
            sizes = [os.stat(os.path.join(folder, name)).st_size for name in os.listdir(folder)
                     if name.startswith('refused')]
            largest = max(largest, sum(sizes))
            self.assertLess(support.resident_mib(vm['pid']) if process.poll() is None else 0, 64)
            time.sleep(0.3)
        count = int(process.stdout.read() or 0)
        self.assertGreater(count, 1000)
        self.assertLessEqual(largest, 1 << 20)
        self.assertLess(slowest, 2)
        done = self.immure('why', '--json')
        value = done.json()
        told = sum(one['count'] for one in value['refused']) + value['dropped']
        self.assertGreaterEqual(told, min(count, 1000))
        self.assertGreater(value['dropped'], 0)

    def test_what_is_meant_for_a_terminal(self):
        """On a terminal and in a pipe: none of it is there but as text, and no word ends where it should not."""
        with Server(answering(b'hello')) as server:
            self.make_file('immure.yaml', 'network: {hosts: {a.test: 127.0.0.1}, allow_private: [127.0.0.1], '
                           'rules: [{host: a.test, methods: [GET]}]}')
            self.run_in(support.PYTHON, '-c', ODD, str(server.port), options=('-c', f'{self.folder}/immure.yaml'))
        for tty in (False, True):
            for words in (('why',), ('why', '--json')):
                out = self.immure(*words, tty=tty).out
                self.assertNotIn(b'\x1b', out)
                self.assertNotIn(b'\x07', out)
                self.assertNotIn(b'\xff', out)
        value = self.immure('why', '--json').json()
        urls = [one['url'] for one in value['refused']]
        self.assertTrue(all(len(url) <= 1024 for url in urls), urls)
        self.assertTrue(any(url.endswith('yyy...') for url in urls), urls)
        self.assertEqual(value['dropped'], 0)

# SPDX-License-Identifier: Apache-2.0
"""Rows A28 and C17: descriptors on their way (SCM_RIGHTS), which the kernel counts for all processes of a user."""
import rig
import support
from servers import Server, answering
from support import as_root_and_user

# Puts as many descriptors on their way as it may, or argv[1], and keeps them there; tells how many.
HOLD = r'''
import array, resource, socket, sys, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
null, kept, count, why = open("/dev/null"), [], 0, "done"
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null.fileno()] * 250))]
while count < int(sys.argv[1]):
    try:
        if not kept or len(kept[-1]) == 0:
            kept.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
            kept[-1][0].setblocking(False)
        kept[-1][0].sendmsg([b"x"], rights)
        count += 250
    except BlockingIOError:
        kept.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        kept[-1][0].setblocking(False)
    except OSError as e:
        why = e.strerror
        break
print(count, hard, why, flush=True)
time.sleep(300)
'''
LIMITS = 'import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))'
ENDLESS = 10**9

# Asks for a page each time it is told to, and says what came.
FETCH = r"""
import socket, sys
for _ in sys.stdin:
    data = b""
    try:
        with socket.create_connection(("lab.test", int(sys.argv[1])), 10) as flow:
            flow.sendall(b"GET / HTTP/1.1\r\nHost: lab.test:" + sys.argv[1].encode() + b"\r\nConnection: close\r\n\r\n")
            while more := flow.recv(65536):
                data += more
    except OSError as e:
        data += (e.strerror or str(e)).encode()
    print(data.splitlines()[0].decode() if data else "nothing", flush=True)
"""
OK = 'HTTP/1.1 200 OK'


@as_root_and_user
class InFlight(rig.Row):
    def setUp(self):
        super().setUp()
        self.server = Server(answering(b'hi'))
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.fetching = ['--allow-host', f'lab.test:{self.server.port}', '--allow-private', '127.0.0.1',
                         '--add-host', 'lab.test:127.0.0.1', '--', support.PYTHON, '-c', FETCH, self.server.port]

    def _limited(self, soft, hard, *arguments):
        """The words that run immure with these limits on descriptors."""
        return ['prlimit', f'--nofile={soft}:{hard}', *self.words(*arguments)]

    def _hold_inside(self):
        """A sandbox that holds all it can: it is stopped by the kernel, not by a bound of its own."""
        holder = self.popen('run', '--', support.PYTHON, '-c', HOLD, ENDLESS)
        count, hard, why = self.started(holder, 60).split(' ', 2)
        self.assertIn('references', why)
        return int(count), int(hard)

    def _ask(self, process):
        process.stdin.write(b'\n')
        return self.started(process)

    def test_C17_limits_inside(self):
        """The soft limit is the caller's; the hard one leaves the wardens of an ordinary user twice as much."""
        hard = 4096
        for soft, wanted in ((256, 256), (1024, 1024), (4096, 2048)):
            process = self.popen(words=self._limited(soft, hard, 'run', '--', support.PYTHON, '-c', LIMITS))
            inside = [int(word) for word in self.started(process).split()]
            self.assertEqual(inside, [soft, hard] if self.identity.uid == 0 else [wanted, hard // 2])

    def test_A28_others_while_one_holds_descriptors(self):
        """Those that run keep their network, and new ones start; two hold no more than one does."""
        other = self.popen('run', *self.fetching)
        self.assertEqual(self._ask(other), OK)
        if self.identity.uid != 0:  # root's each have a user of their own, and a limit beyond what is tried here
            held = [self._hold_inside() for _ in range(2)]
            self.assertLess(sum(count for count, _ in held), held[0][1] + 500, held)
        for _ in range(3):
            self.assertEqual(self._ask(other), OK)
            self.assert_prints(self.immure('run', *self.fetching, input='\n'), f'{OK}\n')

    def test_A28_the_limit_of_the_user_itself(self):
        """If programs outside hold more than the warden may have: that flow is refused, and no other is harmed."""
        other = self.popen(words=self._limited(1024, 2000, 'run', *self.fetching))
        self.assertEqual(self._ask(other), OK)
        holder = self.popen(words=[*self.identity.prefix, support.PYTHON, '-c', HOLD, '3000'])
        self.assertEqual(self.started(holder, 60).split(' ')[0], '3000')
        if self.identity.uid == 0:  # who may send as many as it likes
            self.assertEqual(self._ask(other), OK)
            return
        self.assertNotEqual(self._ask(other), OK)
        late = self.popen(words=self._limited(1024, 2000, 'run', '--', 'true'))
        _, errors = late.communicate(timeout=20)
        self.assertEqual(late.returncode, support.OURS)
        self.assertIn(b"descriptors on their way between sockets than 'ulimit -Hn' is", errors)
        self.end(holder)
        support.eventually(lambda: self._ask(other) == OK)
        self.assertEqual(self._ask(other), OK)

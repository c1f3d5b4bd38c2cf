# SPDX-License-Identifier: Apache-2.0
"""immure-observer beside a sandbox: what it tells of a known program, and of nobody else.

The warden starts none yet; tests/observe/watch.c does, as root, whoever's the sandbox is.
"""
import errno
import json
import os
import pathlib
import subprocess
import unittest

from support import BINARY, PYTHON, Tests, as_root_and_user, descendants, eventually, _status

BUILD = pathlib.Path(BINARY).parent.parent.parent
OBSERVER, WATCH = str(pathlib.Path(BINARY).with_name('immure-observer')), str(BUILD / 'tests/observe_watch')
UNREAD, CUT = 1, 2

# Acts at each line of its input and says so at the end.
PROGRAM = '''
import ctypes, errno, os, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
SYS = {'bpf': 321, 'init_module': 175, 'openat': 257, 'openat2': 437, 'unshare': 272, 'setuid': 105, 'mount': 165,
       'ptrace': 101, 'mkdir': 83, 'mknod': 133}
def call(name, *args):
    """Past what the C library would do."""
    return libc.syscall(SYS[name], *args)
def attempt(do, *args):
    try: return do(*args)
    except OSError: return None
print('here', os.getpid(), flush=True)
for line in sys.stdin:
    exec(ACTS[line.strip()])
    print('done', flush=True)
'''


def program(**acts):
    return f'ACTS = {acts!r}\n{PROGRAM}'


class Watched:
    """What is told of the sandbox of process @init, until @test ends."""

    def __init__(self, test, init, *more):
        self.process = subprocess.Popen([WATCH, OBSERVER, str(init), *more], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        test.addCleanup(self.stop)
        first = self.process.stdout.readline()
        if first != '"ready"\n':
            raise AssertionError(f'{first!r} {self.process.communicate()}')

    def stop(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()

    @property
    def observer(self):
        return next(iter(descendants(self.process.pid)))

    def end(self):
        """Return: all records, and how many more there were."""
        out, err = self.process.communicate(timeout=60)
        if self.process.returncode != 0:
            raise AssertionError(f'{self.process.returncode}: {err}')
        lines = [json.loads(line) for line in out.splitlines()]
        return lines[:-1], lines[-1]['lost']


@unittest.skipUnless(os.path.exists(OBSERVER), 'built without eBPF')
@unittest.skipUnless(os.getuid() == 0, 'eBPF takes root')
class Observe(Tests):
    def acting(self, *options, **acts):
        """A sandbox whose program waits for the word. Return: it, its PID 1 on the host."""
        process = self.popen('run', *options, '--', PYTHON, '-uc', program(**acts))
        self.assertRegex(self.started(process), r'^here \d+$')
        for pid in descendants(process.pid):
            if _status(pid).get('NSpid', '').split()[1:] == ['1']:
                return process, pid
        raise AssertionError('no PID 1')

    def act(self, process, word):
        process.stdin.write(f'{word}\n'.encode())
        self.assertEqual(self.started(process, 60), 'done')

    def observe(self, script, *options, watch=()):
        process, init = self.acting(*options, go=script)
        watched = Watched(self, init, *watch)
        self.act(process, 'go')
        return watched.end()

    def has(self, records, kind, path, more='', **wanted):
        """One record is so; @wanted: its members. Return: it."""
        named = [one for one in records if one['kind'] == kind and (one['path'], one['more']) == (path, more)]
        for one in named:
            if all(one[key] == value for key, value in wanted.items()):
                return one
        self.fail(f'no {kind} {path!r} {more!r} with {wanted} in {named or records}')

    def test_files(self):
        records, lost = self.observe('''
os.chdir('/tmp')
os.close(os.open('a', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640))
os.rename('a', 'b')
os.mkdir('d', 0o700)
os.chmod('d', 0o750)
os.symlink('../b', 'd/l')
os.close(os.open('d/../d//l', os.O_RDONLY))
fd = os.open('d', os.O_RDONLY)
os.link('b', 'c', dst_dir_fd=fd)
os.fchmod(fd, 0o711)
os.unlink('c', dir_fd=fd)
os.unlink('/tmp/d/l')
os.truncate('b', 77)
os.rmdir('d')
attempt(os.open, '/etc/no-such', os.O_RDWR)
attempt(os.mkdir, '/usr/x', 0o755)
''')
        self.assertEqual(lost, 0)
        made = self.has(records, 'open', '/tmp/a', value=[os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640])
        self.assertGreaterEqual(made['result'], 0)
        self.assertEqual(made['comm'], pathlib.Path(PYTHON).name)
        self.assertEqual(made['pid'], made['tid'])
        self.assertLess(made['pid'], 20)  # as inside
        self.has(records, 'rename', '/tmp/a', '/tmp/b', result=0)
        self.has(records, 'mkdir', '/tmp/d', value=[0o700, 0], result=0)
        self.has(records, 'chmod', '/tmp/d', value=[0o750, 0], result=0)
        self.has(records, 'symlink', '/tmp/d/l', '../b', result=0)
        self.has(records, 'open', '/tmp/b', value=[os.O_CLOEXEC, 0])  # where the link led
        self.has(records, 'link', '/tmp/b', '/tmp/d/c', result=0)
        self.has(records, 'chmod', '/tmp/d', value=[0o711, 0], result=0)
        self.has(records, 'unlink', '/tmp/d/c', result=0)
        self.has(records, 'unlink', '/tmp/d/l', result=0)
        self.has(records, 'truncate', '/tmp/b', value=[77, 0], result=0)
        self.has(records, 'unlink', '/tmp/d', result=0)
        self.has(records, 'open', '/etc/no-such', value=[os.O_RDWR | os.O_CLOEXEC, 0], result=-errno.ENOENT)
        self.has(records, 'mkdir', '/usr/x', result=-errno.EROFS)
        times = [one['time_ns'] for one in records]
        self.assertEqual(times, sorted(times))

    def test_power(self):
        """What seccomp refuses shows as well."""
        records, lost = self.observe('''
call('mount', b'from', b'/mnt', b'tmpfs', 5, None)
call('ptrace', 16, os.getpid(), 0, 0)
call('setuid', 0x1234)
call('bpf', 5, None, 0)
call('init_module', None, 0, b'option=1')
call('unshare', 0x10000000)
call('mknod', b'/tmp/n', 0o60600, 0x800)
''')
        self.assertEqual(lost, 0)
        self.has(records, 'mount', '/mnt', 'from', value=[5, 0], result=-errno.EPERM)
        refused = self.has(records, 'ptrace', '', result=-errno.EPERM)
        self.assertEqual(refused['value'], [16, refused['pid']])
        self.assertLess(self.has(records, 'identity', '', value=[0x1234, 0])['result'], 0)
        self.assertLess(self.has(records, 'bpf', '', value=[5, 0])['result'], 0)
        self.assertLess(self.has(records, 'module', '', 'option=1')['result'], 0)
        self.assertLess(self.has(records, 'namespace', '', value=[0x10000000, 0])['result'], 0)
        self.assertLess(self.has(records, 'mknod', '/tmp/n', value=[0o60600, 0x800])['result'], 0)

    def test_network(self):
        records, lost = self.observe('''
s = socket.socket(); s.bind(('127.0.0.1', 4321)); s.close()
attempt(socket.socket().connect, ('192.0.2.7', 81))
attempt(socket.socket(socket.AF_INET6).connect, ('2001:db8::7', 82))
attempt(socket.socket(socket.AF_UNIX).connect, '/tmp/no')
attempt(socket.socket(socket.AF_UNIX).bind, '\\0abstract')
''')
        self.assertEqual(lost, 0)
        self.has(records, 'bind', '127.0.0.1:4321', result=0)
        self.has(records, 'connect', '192.0.2.7:81')
        self.has(records, 'connect', '[2001:db8::7]:82')
        self.has(records, 'connect', 'unix:/tmp/no', result=-errno.ENOENT)
        self.has(records, 'bind', 'unix:@abstract', result=0)

    def test_programs(self):
        records, lost = self.observe('''
import subprocess
open('/tmp/s', 'w').write('#!/bin/sh\\nexit 0\\n')
os.chmod('/tmp/s', 0o755)
subprocess.run(['./s'], cwd='/tmp', preexec_fn=os.getpid)
attempt(subprocess.run, ['/tmp/none'])
''')
        self.assertEqual(lost, 0)
        ran = self.has(records, 'exec', os.path.realpath('/bin/sh'), './s', result=0, comm='s')
        self.assertGreater(ran['pid'], 2)
        self.has(records, 'exec', '/tmp/none', result=-errno.ENOENT)

    def test_awkward(self):
        """Paths that hide, that are too long, and that start nowhere."""
        records, lost = self.observe('''
call('openat', -100, 1, 0)
call('mkdir', b'/tmp/' + b'x' * 4090, 0)
call('mkdir', b'/tmp/' + b'y' * 5000, 0)
call('openat', 999, b'nowhere', 0)
fd = os.memfd_create('secret')
os.ftruncate(fd, 9)
os.makedirs('/tmp' + '/0123456789' * 100)
attempt(os.mkdir, b'/tmp/\\xff"\\\\\\n\\x01')
how = (ctypes.c_uint64 * 3)(os.O_WRONLY | os.O_CREAT, 0o600, 0)
call('openat2', -100, b'/tmp/how', how, 24)
''')
        self.assertEqual(lost, 0)
        self.has(records, 'open', '', flags=UNREAD, result=-errno.EFAULT)
        self.has(records, 'mkdir', '/tmp/' + 'x' * 4090, flags=0, result=-errno.ENAMETOOLONG)
        self.has(records, 'mkdir', '/tmp/' + 'y' * 4090, result=-errno.ENAMETOOLONG)
        self.has(records, 'open', 'nowhere', flags=CUT, result=-errno.EBADF)
        self.has(records, 'truncate', '', flags=CUT, value=[9, 0], result=0)
        self.has(records, 'mkdir', '/tmp' + '/0123456789' * 100, flags=0, result=0)
        self.has(records, 'mkdir', '/tmp/\xff"\\\n\x01', result=0)
        opened = self.has(records, 'open', '/tmp/how', flags=0)
        self.assertEqual(opened['value'][0], os.O_WRONLY | os.O_CREAT)

    def test_threads(self):
        records, _ = self.observe('''
thread = threading.Thread(target=os.mkdir, args=['/tmp/by-thread']); thread.start(); thread.join()
''')
        one = self.has(records, 'mkdir', '/tmp/by-thread')
        self.assertLess(one['pid'], one['tid'])

    def test_nobody_else(self):
        """Neither another sandbox nor the host shows, whatever they do."""
        mkdirs = "for i in range(200): os.mkdir('/tmp/NAME%d' % i)"
        one, init = self.acting(go=mkdirs.replace('NAME', 'own'))
        other, _ = self.acting(go=mkdirs.replace('NAME', 'other'))
        watched = Watched(self, init)
        for process in (other, one):
            self.act(process, 'go')
        host = self.make_folder('of-the-host')
        os.chmod(host, 0o700)
        late, _ = self.acting(go=mkdirs.replace('NAME', 'late'))
        self.act(late, 'go')
        records, lost = watched.end()
        self.assertEqual(lost, 0)
        self.assertEqual({one['path'] for one in records if one['kind'] in ('mkdir', 'chmod')},
                         {f'/tmp/own{i}' for i in range(200)})
        self.assertFalse([one for one in records if 'of-the-host' in one['path']])

    def test_two_observers(self):
        first, first_init = self.acting(go="os.mkdir('/tmp/first')")
        second, second_init = self.acting(go="os.mkdir('/tmp/second')")
        watched = Watched(self, first_init), Watched(self, second_init)
        for process in (first, second):
            self.act(process, 'go')
        for name, one in zip(('first', 'second'), watched):
            self.assertEqual([record['path'] for record in one.end()[0] if record['kind'] == 'mkdir'], [f'/tmp/{name}'])

    def test_flood(self):
        """What finds no room is counted, to the last one; and it goes on when there is room."""
        count = 300000
        process, init = self.acting(flood=f"for i in range({count}): call('mkdir', b'', 0)")
        watched = Watched(self, init, 'stall')
        self.act(process, 'flood')
        records, lost = watched.end()
        self.assertGreater(lost, 1000)
        self.assertGreater(len(records), 10000)
        self.assertEqual(len(records) + lost, count)

    def test_confined(self):
        process, init = self.acting(go='pass')
        watched = Watched(self, init)
        status = _status(watched.observer)
        self.assertEqual([status[key] for key in ('CapEff', 'CapPrm')], ['0' * 16] * 2)
        self.assertEqual((status['Seccomp'], status['NoNewPrivs']), ('2', '1'))
        open_fds = {os.readlink(f'/proc/{watched.observer}/fd/{fd}').split(':')[0]
                    for fd in os.listdir(f'/proc/{watched.observer}/fd')}
        self.assertEqual(open_fds, {'/dev/null', 'socket', 'pid', 'anon_inode'})
        self.act(process, 'go')
        watched.end()

    def test_doctor(self):
        """Tells beforehand what the rest of these tests shows."""
        facts = {one['name']: one for one in self.immure('doctor', '--json').json()['facts']}
        fact = facts['observation']
        self.assertEqual(fact['state'], 'ok' if self.identity.uid == 0 else 'missing')
        if self.identity.uid != 0:
            self.assertRegex(fact['detail'], 'no eBPF: ring buffers: EPERM; seccomp notification is there')

    def test_ends_with_who_started_it(self):
        _, init = self.acting(go='pass')
        watched = Watched(self, init)
        observer = watched.observer
        watched.process.kill()
        watched.process.communicate()
        self.assertTrue(eventually(lambda: not _status(observer) or _status(observer)['State'].startswith('Z')))

    def test_refused(self):
        """Our own namespace, what is none, and without privilege."""
        rows = (('/proc/self/ns/pid', (), 'no observer observes itself'), ('/dev/null', (), 'no PID namespace'),
                ('/proc/self/ns/net', (), 'no PID namespace'))
        for path, prefix, why in rows:
            done = subprocess.run([*prefix, 'sh', '-c', f'exec 3</dev/null 4<{path}; exec "$0"', OBSERVER],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 1, path)
            self.assertIn(why, done.stderr)
        self.assertEqual(subprocess.run([OBSERVER], capture_output=True).returncode, 2)
        _, init = self.acting(go='pass')
        done = subprocess.run(['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--reuid=65533', '--clear-groups',
                               'sh', '-c', 'exec 3</dev/null; exec "$0"', OBSERVER],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, close_fds=False,
                              preexec_fn=lambda: os.dup2(os.open(f'/proc/{init}/ns/pid', os.O_RDONLY), 4))
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr, 'does not take the observing programs: Operation not permitted')


as_root_and_user(Observe)

# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share.

A test class derives from Tests and is decorated with @as_root_and_user: it becomes two classes that
run the program as root and as an ordinary user (only the latter if the tests themselves are not run
by root). Every test has a home and a state folder of its own, and after it nothing may be left of
the sandboxes it had: no process, mount, cgroup, nor socket. To be sure of processes, however they
daemonise, we are the subreaper: what loses its parent becomes our child.
"""
import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'clients' / 'python'))

import immure  # noqa: E402  (found by the line above)

BINARY = os.path.abspath(os.environ['IMMURE_BINARY'])
PYTHON = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable
USER_ID = 65533  # nobody's: without a name, a home or a group
SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
OURS = 125  # exit code for immure's own errors
TIMEOUT_S = 60
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    raise OSError('cannot become the subreaper')


class Identity:
    """Whom the program under test runs as."""

    def __init__(self, name, uid, prefix):
        self.name, self.uid, self.prefix = name, uid, prefix


def identities():
    if os.getuid() != 0:
        return [Identity('user', os.getuid(), [])]
    drop = ['setpriv', f'--reuid={USER_ID}', f'--regid={USER_ID}', '--clear-groups',
            '--inh-caps=-all']
    wanted = os.environ.get('IMMURE_TEST_AS', 'root user').split()
    return [one for one in (Identity('root', 0, []), Identity('user', USER_ID, drop))
            if one.name in wanted]


def as_root_and_user(template):
    """Make a test class for each identity from @template, in its module."""
    module = sys.modules[template.__module__]
    for identity in identities():
        name = f'{template.__name__}As{identity.name.title()}'
        made = type(name, (template, unittest.TestCase),
                    {'identity': identity, '__module__': template.__module__, '__qualname__': name})
        setattr(module, name, made)
    return template


def eventually(check, seconds=10.0):
    """Wait until @check() is true. Return: what it said last."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


# Processes, as /proc shows them.

def _status(pid):
    """Fields of /proc/PID/status; {} if it is gone."""
    try:
        text = pathlib.Path(f'/proc/{pid}/status').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return {}
    return dict(line.split(':\t', 1) for line in text.splitlines() if ':\t' in line)


def descendants(pid, zombies=True):
    """All processes below @pid."""
    parents = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            status = _status(name)
            if status and (zombies or not status['State'].startswith('Z')):
                parents.setdefault(int(status['PPid']), []).append(int(name))
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def command_line(pid):
    try:
        octets = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()
        return octets.replace(b'\0', b' ').decode('utf-8', 'replace').strip()
    except OSError:
        return ''


def describe(pid):
    status = _status(pid)
    try:
        net = os.readlink(f'/proc/{pid}/ns/net')
    except OSError:
        net = '?'
    return f'{pid} {status.get("Name")} {status.get("State")} {net} {command_line(pid)!r}'


def process_of(root_pid, text):
    """The pid below @root_pid whose command line is @text, or None."""
    return next((pid for pid in descendants(root_pid) if command_line(pid) == text), None)


def init_of(pid):
    """The sandbox's PID 1 above @pid, a program in it."""
    while pid:
        status = _status(pid)
        if not status:
            return None
        if status.get('NSpid', '').split()[-1:] == ['1'] and len(status['NSpid'].split()) > 1:
            return pid
        pid = int(status['PPid'])
    return None


def resident_mib(pid):
    fields = _status(pid).get('VmRSS', '0 kB').split()
    return int(fields[0]) / 1024


# What a sandbox could leave on the host.

def _mounts(marker):
    text = pathlib.Path('/proc/self/mountinfo').read_text(encoding='utf-8')
    return {line for line in text.splitlines()
            if 'immure' in line or ' nsfs ' in line or marker in line}


def _cgroups():
    return {folder for folder, _, _ in os.walk('/sys/fs/cgroup')
            if 'immure' in os.path.basename(folder)}


def reap():
    """Take leave of orphans that ended; each test's own children are waited for by then."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def left_over(seconds=5.0):
    """What still runs below us when nothing should; given that long to end."""
    def running():
        reap()
        return descendants(os.getpid())
    eventually(lambda: not running(), seconds)
    return [describe(pid) for pid in running()]


class Done:
    """A program that ended."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err

    @property
    def text(self):
        return self.out.decode('utf-8', 'replace')

    @property
    def errors(self):
        return self.err.decode('utf-8', 'replace')

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return (f'{" ".join(map(str, self.words))}: exit code {self.code}\n'
                f'stdout: {self.out[-2000:]!r}\nstderr: {self.err[-2000:]!r}')


class Terminal:
    """A program on a terminal of its own, as its session's leader; we are the person before it."""

    def __init__(self, words, env, cwd, uid, rows=24, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execvpe(words[0], words, env)
            finally:
                os._exit(127)
        os.fchown(self.fd, uid, uid)
        os.chown(os.ptsname(self.fd) if hasattr(os, 'ptsname') else self._slave(), uid, uid)
        self.resize(rows, columns)
        self.seen = b''
        self.code = None

    def _slave(self):
        number = struct.unpack('i', fcntl.ioctl(self.fd, 0x80045430, b'\0' * 4))[0]  # TIOCGPTN
        return f'/dev/pts/{number}'

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def settings(self):
        return termios.tcgetattr(self.fd)

    def type(self, data):
        os.write(self.fd, data if isinstance(data, bytes) else data.encode())

    def expect(self, pattern, seconds=15.0):
        """Read until @pattern (of octets) appears. Return: the match; what is before it goes."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            if not self._read(end - time.monotonic()):
                raise AssertionError(f'no {pattern!r} on the terminal, but {self.seen[-2000:]!r}')

    def _read(self, seconds):
        if seconds <= 0 or not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def wait(self, seconds=15.0):
        """Read to the end. Return: the exit code, 128+n by signal."""
        end = time.monotonic() + seconds
        while self.fd >= 0 and self._read(end - time.monotonic()):
            pass
        while self.code is None and time.monotonic() < end + 1:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
            time.sleep(0.01)
        if self.code is None:
            raise AssertionError(f'{self.pid} did not end; it said {self.seen[-2000:]!r}')
        return self.code

    def hang_up(self):
        """Close the terminal, as when its window is closed."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def close(self):
        self.hang_up()
        if self.code is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


class Tests:
    """Base of test classes; @as_root_and_user adds unittest.TestCase and `identity`."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='immure-it-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        self.home = self.make_folder('home')
        self.state = os.path.join(self.home, '.immure')
        self.env = {'PATH': SYSTEM_PATH, 'HOME': self.home, 'IMMURE_HOME': self.state,
                    'LANG': 'C.UTF-8', 'TERM': 'xterm'}
        self._cgroups_before = _cgroups()
        self._mounts_before = _mounts(self.folder)
        self._sandboxes = []
        self._started = set()  # IDs
        self._running = []
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        for sandbox in self._sandboxes:
            sandbox.close()
        for process in list(self._running):
            self.end(process)
        if any(vm['status'] in ('running', 'starting') for vm in self.listed()):
            self.immure('kill', '--all')
        self._check_leaks()

    def _check_leaks(self):
        leaked = [f'process {text}' for text in left_over()]
        leaked += [f'mount {line}' for line in _mounts(self.folder) - self._mounts_before]
        leaked += [f'cgroup {folder}' for folder in self._leaked_cgroups()]
        leaked += [f'socket {path}' for path in pathlib.Path(self.state).glob('vms/*/socket')
                   if 'crashed' not in path.with_name('status').read_text()]  # those are prune's
        for pid in descendants(os.getpid()):  # so that the next test is judged by itself
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.assertEqual(leaked, [], 'left behind')

    def _leaked_cgroups(self):
        """Those of our own sandboxes: others' may be running beside us."""
        ids = {path.name for path in pathlib.Path(self.state).glob('vms/*')} | self._started

        def left():
            return [folder for folder in _cgroups() - self._cgroups_before
                    if any(vm_id in os.path.basename(folder) for vm_id in ids)]
        eventually(lambda: not left(), 3)
        return left()

    # Files on the host.

    def make_folder(self, name):
        """A folder that belongs to whom the program runs as."""
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        os.chown(path, self.identity.uid, self.identity.uid)
        return path

    def make_file(self, name, content='', mode=0o644):
        path = os.path.join(self.folder, name)
        pathlib.Path(path).write_bytes(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        os.chown(path, self.identity.uid, self.identity.uid)
        return path

    def make_root(self, *programs):
        """A folder for --rootfs that holds @programs and the libraries they need."""
        root = self.make_folder('root')
        for word in programs:
            libraries = subprocess.run(['ldd', word], capture_output=True, text=True, check=True)
            for path in [word, *re.findall(r'(/\S+) \(0x', libraries.stdout)]:
                target = root + path
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(os.path.realpath(path), target)
        return root

    # The program under test.

    def words(self, *arguments):
        return [*self.identity.prefix, BINARY, *map(str, arguments)]

    def popen(self, *arguments, env=None, cwd=None, words=None, **pipes):
        """Start it with pipes for all three streams, or what @pipes says. It ends with the test."""
        process = subprocess.Popen(
            words or self.words(*arguments), env={**self.env, **(env or {})}, bufsize=0,
            cwd=cwd or self.folder, **{'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE,
                                       'stderr': subprocess.PIPE, **pipes})
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:  # as if the user had made it: /dev/stdout can be opened then
                os.fchown(pipe.fileno(), self.identity.uid, self.identity.uid)
        self._running.append(process)
        return process

    def immure(self, *arguments, input=b'', timeout=TIMEOUT_S, tty=False, **options):
        """Run it to its end, with @input; on a terminal if @tty (output is one stream then)."""
        if tty:
            terminal = self.terminal(*arguments)
            terminal.wait(timeout)
            return Done(arguments, terminal.code, terminal.seen, b'')
        process = self.popen(*arguments, **options)
        data = input.encode() if isinstance(input, str) else input
        try:
            out, err = process.communicate(data if process.stdin else None, timeout=timeout)
        except subprocess.TimeoutExpired:
            tree = [describe(pid) for pid in descendants(os.getpid())]
            raise AssertionError(
                f'{arguments} did not end in {timeout} s; running: {tree}') from None
        finally:
            if process.returncode is not None:
                self._running.remove(process)
        return Done(arguments, process.returncode if process.returncode >= 0
                    else 128 - process.returncode, out or b'', err or b'')

    def run_in(self, *words, options=(), **more):
        """immure run @options -- @words"""
        return self.immure('run', *options, '--', *words, **more)

    def sh(self, script, *options, **more):
        """The same with a shell script."""
        return self.run_in('sh', '-c', script, options=options, **more)

    def end(self, process):
        """End a process as a person would who loses patience."""
        self._running.remove(process)
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=10)  # closes its input
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def start(self, *arguments):
        """immure start @arguments. Return: the ID."""
        done = self.immure('start', *arguments)
        self.assert_code(done, 0)
        self.assertRegex(done.text, r'^vm-[0-9a-z]+\n$')
        self._started.add(done.text.strip())
        return done.text.strip()

    def holds(self, fact):
        """Can this host do what `immure doctor` calls @fact?"""
        facts = self.immure('doctor', '--json').json()['facts']
        return next(one['state'] for one in facts if one['name'] == fact) == 'ok'

    def listed(self, *options):
        """immure list --json; [] if it does not work"""
        done = self.immure('list', '--json', *options)
        return done.json() if done.code == 0 and done.out else []

    def status_of(self, vm_id):
        return next((vm['status'] for vm in self.listed() if vm['id'] == vm_id), None)

    def terminal(self, *arguments, words=None, rows=24, columns=80):
        """Start it on a terminal."""
        terminal = Terminal(words or self.words(*arguments), self.env, self.folder,
                            self.identity.uid, rows, columns)
        self.addCleanup(terminal.close)
        return terminal

    def sandbox(self, config=None, **options):
        """A client library's sandbox. It ends with the test."""
        sandbox = immure.Sandbox(config, binary=self.words(), environment=self.env,
                                 timeout=TIMEOUT_S, **options)
        self._sandboxes.append(sandbox)
        return sandbox

    def started(self, process, seconds=15.0):
        """Wait for a line on @process's stdout, without its newline."""
        line = b''
        end = time.monotonic() + seconds
        while not line.endswith(b'\n'):
            left = end - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise AssertionError(f'no line from {process.args}, only {line!r}')
            octet = os.read(process.stdout.fileno(), 1)
            if not octet:
                raise AssertionError(f'{process.args[0]} ended: {process.communicate()[1][-900:]!r}')
            line += octet
        return line.decode().strip()

    # Judgements.

    def assert_code(self, done, code):
        self.assertEqual(done.code, code, done)

    def assert_prints(self, done, text):
        self.assertEqual((done.code, done.text), (0, text), done)

    def assert_refused(self, done, pattern):
        """immure itself said no, and why."""
        self.assert_code(done, OURS)
        self.assertRegex(done.errors, pattern)
        self.assertEqual(done.out, b'')

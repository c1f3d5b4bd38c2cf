# SPDX-License-Identifier: Apache-2.0
"""The commands that are compared, each as words for the C tools (see spawn.h), and why one is not.

Nothing is pulled: OCI runtimes get a bundle whose root is the host's own /usr and /etc, read-only,
as immure's is. Its cgroup mount is left out and it has no seccomp filter, both in the peer's favour.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

TRUE = '/bin/true'
BWRAP = ['bwrap', '--unshare-all', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev',
         '--tmpfs', '/tmp', 'true']
UNSHARE = ['unshare', '-Urmpfniu', 'true']
SHARED = ('/usr', '/etc')
HYBRID = '/sys/fs/cgroup/unified'


def make_root(path):
    """A folder tree with the mount points and links a root needs, and nothing in it."""
    for name in ('usr', 'etc', 'proc', 'dev', 'tmp', 'sys', 'run', 'var'):
        (path / name).mkdir(parents=True, exist_ok=True)
    for name in ('bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32'):
        host = pathlib.Path('/', name)
        if host.is_symlink():
            (path / name).symlink_to(os.readlink(host))
    return path


def make_bundle(path, runtime, command):
    path.mkdir(parents=True)
    subprocess.run([runtime, 'spec'], cwd=path, check=True, capture_output=True)
    file = path / 'config.json'
    spec = json.loads(file.read_text('utf-8'))
    spec['process'].update(terminal=False, args=command)
    spec['process'].pop('rlimits', None)
    spec['root'] = {'path': str(make_root(path / 'root')), 'readonly': True}
    spec['mounts'] = [m for m in spec['mounts'] if m['type'] != 'cgroup']
    spec['mounts'] += [{'destination': d, 'source': d, 'type': 'bind',
                        'options': ['rbind', 'ro', 'nosuid', 'nodev']} for d in SHARED]
    spec['linux'].pop('resources', None)
    file.write_text(json.dumps(spec, indent=1), 'utf-8')
    return path


def probe(words):
    """Run it once. Return: None, or why it cannot run here. @words may begin as in spawn.h."""
    prefix, rest = [], list(words)
    environment = dict(os.environ)
    while rest[0][0] in '@+' or '=' in rest[0]:
        word = rest.pop(0)
        if word[0] == '@':
            prefix += ['nsenter', f'--mount={word[1:]}']
        elif word[0] == '+':
            prefix += ['setpriv', f'--reuid={word[1:]}', f'--regid={word[1:]}', '--clear-groups']
        else:
            environment.update([word.split('=', 1)])
    if shutil.which(rest[0]) is None:
        return 'absent'
    with tempfile.TemporaryFile('w+', errors='replace') as said:  # a daemon may keep it open
        try:
            done = subprocess.run([*prefix, *rest], env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=said, timeout=30, check=False)
        except subprocess.TimeoutExpired:
            return 'cannot run here: not done after 30 s'
        except OSError as error:
            return f'cannot run here: {error}'
        said.seek(0)
        lines = said.read().strip().splitlines()
    if done.returncode == 0:
        return None
    return f"cannot run here: {(lines or [f'exit status {done.returncode}'])[-1][:160]}"


class Oci:
    """Bundles for crun and runc, and the mount namespace crun may need."""

    def __init__(self, work):
        self.work = work
        self.holder = None
        self.prefix = []
        self.notes = []
        self.tag = f'immure-bench-{os.getpid()}'

    def legacy_namespace(self):
        """crun up to 1.8 refuses a host with both cgroup versions: give it one without the second."""
        script = f'umount {HYBRID} && echo ready && exec sleep 3600'
        self.holder = subprocess.Popen(['unshare', '-m', '--propagation', 'private', 'sh', '-c', script],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self.holder.stdout.readline() != b'ready\n':
            return False
        self.prefix = [f'@/proc/{self.holder.pid}/ns/mnt']
        self.notes.append(f'crun and podman run in a mount namespace without {HYBRID}: this crun '
                          'refuses hosts that have cgroup v1 and v2 side by side.')
        return True

    def run_words(self, runtime):
        """Return: (words, why not)."""
        if shutil.which(runtime) is None:
            return None, 'absent'
        try:
            bundle = make_bundle(self.work / f'bundle-{runtime}', runtime, [TRUE])
        except (OSError, subprocess.CalledProcessError, KeyError) as error:
            return None, f'cannot run here: {error}'
        words = [runtime, 'run', '-b', str(bundle), f'{self.tag}-{runtime}']
        why = probe(words)
        if why and runtime == 'crun' and os.path.ismount(HYBRID) and self.legacy_namespace():
            words = self.prefix + words
            why = probe(words)
        return words, why

    def nsenter(self):
        return [f'nsenter --mount={w[1:]}' for w in self.prefix][0].split() if self.prefix else []

    def close(self):
        if self.holder:
            self.holder.terminate()
            self.holder.wait()


def podman_words(oci):
    root = make_root(oci.work / 'podman-root')
    store = oci.work / 'podman'
    return oci.prefix + [
        'podman', '--root', str(store / 'root'), '--runroot', str(store / 'run'), '--storage-driver',
        'vfs', '--cgroup-manager', 'cgroupfs', 'run', '--rm', '--network', 'none', '--read-only',
        '--log-driver', 'none', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096',
        '-v', '/usr:/usr:ro', '--rootfs', str(root), TRUE]


def launch_candidates(oci, quick):
    """(name, words or None, why not) of every peer that starts a process as root."""
    rows = [('bwrap', BWRAP, None)]
    for runtime in ('crun', 'runc'):
        rows.append((runtime, *oci.run_words(runtime)))
    rows.append(('unshare', UNSHARE, None))
    rows.append(('firejail', ['firejail', '--quiet', '--noprofile', '--net=none', TRUE], None))
    rows.append(('podman', podman_words(oci), 'left out by --quick' if quick else None))
    return rows

# SPDX-License-Identifier: Apache-2.0
"""Runs the C tools and turns their lines into samples. All times are in nanoseconds."""
import os
import pathlib
import re
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).parent
FLAGS = ['-std=gnu17', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra']
TOOLS = {
    'timer': ['timer.c', 'spawn.c'],
    'sink': ['sink.c', 'spawn.c'],
    'rpc_client': ['rpc_client.c', 'spawn.c'],
    'slow': ['slow.c'],
    'spew': ['spew.c'],
}


class BenchError(Exception):
    """A measurement could not be made; the text says why."""


def build(folder):
    for name, sources in TOOLS.items():
        words = [os.environ.get('CC', 'gcc'), *FLAGS, '-o', str(folder / name)]
        words += [str(HERE / s) for s in sources]
        if name == 'spew':  # it also runs inside, so it should need no library
            static = subprocess.run([*words, '-static'], capture_output=True, check=False)
            if static.returncode == 0:
                continue
        subprocess.run(words, check=True)


def tool(words):
    """Lines of a tool's output, each as a list of words."""
    done = subprocess.run([*map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors='replace', check=False)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or [f'exit status {done.returncode}'])[-1]
        raise BenchError(why[:300])
    return [line.split() for line in done.stdout.splitlines()]


def joined(commands):
    words = []
    for command in commands:
        words += [';;', *command] if words else command
    return words


def launches(bin_dir, commands, rounds, kind):
    """{name: [ns]} of whole processes; @commands is {name: words}, @kind "wall" or "cpu"."""
    names = list(commands)
    samples = {name: [] for name in names}
    failed = {}
    for _, index, wall, cpu, status in tool(
            [bin_dir / 'timer', rounds, 2, kind, *joined(commands.values())]):
        name = names[int(index)]
        samples[name].append(int(wall if kind == 'wall' else cpu))
        if status != '0':
            failed[name] = failed.get(name, 0) + 1
    return samples, failed


def cycles(bin_dir, commands, rounds):
    """{name: {'total', 'create', 'exec', 'close': [ns]}}"""
    names = list(commands)
    samples = {name: {k: [] for k in ('total', 'create', 'exec', 'close')} for name in names}
    for index, *parts in tool([bin_dir / 'rpc_client', 'cycle', rounds, *joined(commands.values())]):
        row = samples[names[int(index)]]
        for key, value in zip(('create', 'exec', 'close'), map(int, parts)):
            row[key].append(value)
        row['total'].append(sum(map(int, parts)))
    return samples


def execs(bin_dir, commands, rounds):
    names = list(commands)
    samples = {name: [] for name in names}
    for index, value in tool([bin_dir / 'rpc_client', 'exec', rounds, *joined(commands.values())]):
        samples[names[int(index)]].append(int(value))
    return samples


def wire(bin_dir, words, rounds):
    return [int(line[0]) for line in tool([bin_dir / 'rpc_client', 'idle', rounds, *words])]


def sinks(bin_dir, commands, rounds, octets):
    """{name: [octets a second]}; output that is not whole is an error."""
    names = list(commands)
    samples = {name: [] for name in names}
    for _, index, took, got, status in tool([bin_dir / 'sink', rounds, *joined(commands.values())]):
        name = names[int(index)]
        if status != '0' or int(got) != octets:
            raise BenchError(f'{name}: exit status {status}, {got} of {octets} octets arrived')
        samples[name].append(octets * 1e9 / int(took))
    return samples


def streams(bin_dir, words, rounds, octets, program):
    """[octets a second], and the reader's own share of the time."""
    rates, busy = [], []
    for took, got, used in tool([bin_dir / 'rpc_client', 'stream', rounds, octets, program, *words]):
        if int(got) != octets:
            raise BenchError(f'exec_stream: {got} of {octets} octets arrived')
        rates.append(octets * 1e9 / int(took))
        busy.append(int(used) / int(took))
    return rates, max(busy)


# What a set of processes leaves, or takes.

def parents():
    """{pid: (parent, start time)} of all processes"""
    table = {}
    for entry in os.listdir('/proc'):
        if not entry.isdigit():
            continue
        try:
            fields = pathlib.Path('/proc', entry, 'stat').read_text('utf-8', 'replace')
        except OSError:
            continue
        fields = fields.rpartition(')')[2].split()
        table[int(entry)] = (int(fields[1]), fields[19])
    return table


def family(pids):
    """{(pid, start time)} of @pids and their descendants"""
    table = parents()
    children = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found, todo = set(), [p for p in pids if p in table]
    while todo:
        pid = todo.pop()
        found.add((pid, table[pid][1]))
        todo += children.get(pid, [])
    return found


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path('/proc', str(pid), 'smaps_rollup').read_text('utf-8')
        except OSError:
            continue
        found = re.search(r'^Pss:\s+(\d+)', text, re.MULTILINE)
        total += int(found.group(1)) if found else 0
    return total


def cgroups_of(pids):
    """Folders of all cgroups that @pids are in."""
    mounts = {}
    for line in pathlib.Path('/proc/mounts').read_text('utf-8').splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == 'cgroup2':
            mounts[''] = path
        elif kind == 'cgroup':
            for option in options.split(','):
                mounts.setdefault(option, path)
    found = set()
    for pid in pids:
        try:
            lines = pathlib.Path('/proc', str(pid), 'cgroup').read_text('utf-8').splitlines()
        except OSError:
            continue
        for line in lines:
            _, controllers, path = line.split(':', 2)
            mount = mounts.get(controllers.split(',')[0])
            if mount:
                found.add(mount + path)
    return found


def mounts_here():
    return set(pathlib.Path('/proc/self/mountinfo').read_text('utf-8').splitlines())


def left_in(home):
    """State folders that are neither stopped nor gone: names."""
    bad = []
    vms = pathlib.Path(home, 'vms')
    for entry in sorted(vms.iterdir()) if vms.is_dir() else []:
        status = entry / 'status'
        if entry.name.startswith('.') or not status.is_file() or \
                status.read_text('utf-8').strip() != 'stopped':
            bad.append(entry.name)
    return bad


def fleet(bin_dir, words, size, home, settle=0.0):
    """Have @size sandboxes at once, then none. Return: a dict of times, memory and what is left."""
    before = mounts_here()
    own = cgroups_of([os.getpid()])
    client = subprocess.Popen([str(bin_dir / 'rpc_client'), 'fleet', str(size), *words], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    alive = client.stdout.readline().split()
    if not alive:
        client.stdin.close()
        why = client.stderr.read().strip()
        client.wait()
        raise BenchError(f'fleet of {size}: {why[-300:]}')
    time.sleep(settle)
    members = family(map(int, alive[2:]))
    memory = pss_kib(pid for pid, _ in members) if settle else 0
    cgroups = cgroups_of(pid for pid, _ in members) - own
    client.stdin.write('\n')
    client.stdin.flush()
    closed = client.stdout.readline().split()
    why = client.stderr.read().strip()
    if client.wait() != 0 or not closed:
        raise BenchError(f'fleet of {size}: closing: {why[-300:]}')
    end = time.monotonic() + 2  # the kernel may still be at it
    while True:
        table = parents()
        leaks = {
            'processes': [p for p, start in members if table.get(p, (0, ''))[1] == start],
            'cgroups': sorted(c for c in cgroups if os.path.isdir(c)),
            'mounts': sorted(mounts_here() - before),
            'state': left_in(home),
        }
        if not any(leaks.values()) or time.monotonic() > end:
            break
        time.sleep(0.05)
    return {'alive_ns': int(alive[1]), 'closed_ns': int(closed[1]),
            'total_ns': int(alive[1]) + int(closed[1]), 'processes': len(members),
            'pss_kib': memory / size, 'leaks': leaks}


def conmon_pss_kib(oci, work):
    """(conmon and the container's process, conmon alone) in KiB, of an idle container of crun."""
    import peers
    if shutil.which('conmon') is None:
        raise BenchError('absent')
    name = f'{oci.tag}-idle'
    bundle = peers.make_bundle(work / 'bundle-conmon', 'crun', ['/bin/sleep', '600'])
    pid_file, conmon_file = work / 'container.pid', work / 'conmon.pid'
    words = [*oci.nsenter(), 'conmon', '-c', name, '-u', name, '-n', name, '-r', shutil.which('crun'),
             '-b', str(bundle), '-p', str(pid_file), '-P', str(conmon_file),
             '-l', f"k8s-file:{work / 'conmon.log'}", '--exit-dir', str(work),
             '--socket-dir-path', str(work)]
    crun = [*oci.nsenter(), 'crun']
    try:
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, timeout=30, check=True)
        end = time.monotonic() + 5
        while not (pid_file.is_file() and pid_file.read_text('utf-8')):
            if time.monotonic() > end:
                raise BenchError('conmon: the container did not start')
            time.sleep(0.05)
        subprocess.run([*crun, 'start', name], stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=30, check=True)
        time.sleep(0.5)
        conmon = pss_kib([int(conmon_file.read_text('utf-8'))])
        return conmon + pss_kib([int(pid_file.read_text('utf-8'))]), conmon
    except (subprocess.SubprocessError, OSError) as error:
        raise BenchError(f'conmon: {error}') from error
    finally:
        subprocess.run([*crun, 'delete', '-f', name], capture_output=True, check=False)

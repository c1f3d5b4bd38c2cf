# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on."""
import datetime
import os
import pathlib
import platform
import re
import shutil
import subprocess

PEERS = {
    'bwrap': ['bwrap', '--version'],
    'crun': ['crun', '--version'],
    'runc': ['runc', '--version'],
    'firejail': ['firejail', '--version'],
    'podman': ['podman', '--version'],
    'unshare': ['unshare', '--version'],
    'conmon': ['conmon', '--version'],
    'gcc': ['gcc', '--version'],
    'clang': ['clang-14', '--version'],
}


def output_of(words):
    """First line of what a command prints, or None if it cannot be run."""
    try:
        text = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (text.strip().splitlines() or [''])[0]


def proc_value(path, key):
    found = re.search(rf'^{key}\s*:\s*(.*)$', pathlib.Path(path).read_text('utf-8'), re.MULTILINE)
    return found.group(1).strip() if found else 'unknown'


def compiler_of(binary):
    """What the binary itself says it was compiled with."""
    try:
        text = subprocess.run(['readelf', '-p', '.comment', binary], capture_output=True, text=True,
                              check=False).stdout
    except OSError:
        return 'unknown'
    return ', '.join(re.findall(r'\]\s+(.*)', text)) or 'unknown'


def commit():
    here = pathlib.Path(__file__).parent
    head = output_of(['git', '-C', here, 'rev-parse', '--short=12', 'HEAD']) or 'unknown'
    changed = output_of(['git', '-C', here, 'status', '--porcelain', '--', '../src', '../meson.build'])
    return head + (' with changes' if changed else '')


def file_system(path):
    return output_of(['findmnt', '-n', '-o', 'FSTYPE', '-T', path]) or 'unknown'


def describe(binary):
    """The machine and every version, as a dict of texts, in the order to show them."""
    facts = {
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
        'commit': commit(),
        'immure': output_of([binary, 'version']) or 'unknown',
        'immure compiled by': compiler_of(binary),
        'CPU': f"{proc_value('/proc/cpuinfo', 'model name')}, "
               f"family {proc_value('/proc/cpuinfo', 'cpu family')} "
               f"model {proc_value('/proc/cpuinfo', 'model')}",
        'cores': str(len(os.sched_getaffinity(0))),
        'memory': f"{int(proc_value('/proc/meminfo', 'MemTotal').split()[0]) // 1024} MiB",
        'kernel': f'{platform.system()} {platform.release()} {platform.machine()}',
    }
    for name, words in PEERS.items():
        facts[name] = output_of(words) if shutil.which(words[0]) else None
        facts[name] = facts[name] or 'absent'
    return facts

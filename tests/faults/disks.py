# SPDX-License-Identifier: Apache-2.0
"""A state folder without room, without inodes, read-only, or under `ulimit -f`: what a launch makes of it."""
import os
import re
import resource
import signal
import subprocess

import rig

# In a mount namespace of its own. $1: how the state's file system is, $2: how it is mended; then the
# words that become the user, and immure. What is said on stdout is judged.
SCRIPT = r'''
options=$1 mended=$2 uid=$3; shift 3
mount -t tmpfs -o mode=0755 none "$HOME" && mkdir "$IMMURE_HOME" && chown "$uid:$uid" "$HOME" "$IMMURE_HOME"
case $options in ro) "$@" run -- true || echo "first $?" ;; esac
mount -o "remount,$options" none "$HOME" || exit 1
"$@" run -- sh -c 'exit 7'; echo "code $?"
"$@" list --json >/dev/null || echo "list $?"
mount -o "remount,$mended" none "$HOME" || exit 1
"$@" prune >/dev/null || echo "prune $?"
[ -z "$(ls -A "$IMMURE_HOME/vms" 2>/dev/null)" ] || echo left "$(ls -A "$IMMURE_HOME/vms")"
"$@" run -- true || echo "next $?"
'''


def _judge(done, words):
    """What is wrong: a list of texts. @words: what a message must say, if there is one."""
    lines = done.stdout.split('\n')[:-1]
    errors = done.stderr.splitlines()
    if lines == [f'code {rig.PROPER}'] and not errors:
        return []
    if lines != [f'code {rig.OURS}']:
        return [f'it says {lines} {errors}']
    if len(errors) != 1 or not re.match(r'^immure: \S', errors[0]) or not re.search(words, errors[0]):
        return [f'no one clear message: {errors}']
    return []


def _in_namespace(bench, options, mended, words):
    become = [] if bench.uid == 0 else ['setpriv', f'--reuid={bench.uid}', f'--regid={bench.uid}', '--clear-groups']
    done = subprocess.run(['unshare', '-m', 'sh', '-c', SCRIPT, 'sh', options, mended, str(bench.uid), *become,
                           bench.binary], env=bench.env, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, cwd=bench.folder)
    return [f'{options}: {text}' for text in _judge(done, words)]


def full(bench):
    """Each size up to one that is enough."""
    return [text for pages in range(1, 9)
            for text in _in_namespace(bench, f'size={4 * pages}k', 'size=1m', 'No space left')]


def inodes(bench):
    return [text for count in range(3, 16)
            for text in _in_namespace(bench, f'nr_inodes={count}', 'nr_inodes=100', 'No space left')]


def read_only(bench):
    return _in_namespace(bench, 'ro', 'rw', 'Read-only file system')


def file_limit(bench):
    """ulimit -f: each size up to one that is enough."""
    wrong = []
    for octets in (0, 1, 16, 64, 256, 1024, 4096):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))
        done = bench.plain('run', '--', 'sh', '-c', 'exit 7', preexec_fn=limit)
        done.stdout += f'code {done.returncode}\n'
        wrong += [f'{octets} octets: {text}' for text in _judge(done, 'File too large')]
        wrong += bench.judge_state()
    return wrong


def no_right_to_write(bench):
    """vms/ of a user who may not write to it."""
    bench.plain('run', '--', 'true')
    bench.plain('prune')
    os.chmod(bench.vms, 0o500)
    done = bench.plain('run', '--', 'sh', '-c', 'exit 7')
    done.stdout += f'code {done.returncode}\n'
    os.chmod(bench.vms, 0o700)
    return _judge(done, 'Permission denied') + bench.judge_state()


def perform(tool, binary, uid):
    """Return: tests passed, failed, skipped."""
    tests = [full, inodes, read_only, file_limit] + ([] if uid == 0 else [no_right_to_write])
    passed = failed = skipped = 0
    for test in tests:
        label = f'{"root" if uid == 0 else "user"} disk {test.__name__}'
        if os.getuid() != 0 and test in (full, inodes, read_only):
            print(f'skipped {label}: mounting a file system needs root')
            skipped += 1
            continue
        bench = rig.Bench(tool, binary, uid)
        try:
            wrong = test(bench)
        finally:
            bench.close()
        for text in wrong:
            print(f'FAIL {label}: {text}', flush=True)
        passed, failed = passed + (not wrong), failed + bool(wrong)
    return passed, failed, skipped

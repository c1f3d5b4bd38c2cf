# SPDX-License-Identifier: Apache-2.0
"""Which system calls can fail how: what to inject where."""
import errno
import re
import subprocess

# These cannot fail, or nothing could be done about it (close(2): the descriptor is gone all the same; futex(2): who
# uses it in one thread only wakes, which needs no memory).
NEVER = {
    'alarm', 'arch_prctl', 'capget', 'clock_gettime', 'close', 'close_range', 'exit', 'exit_group', 'futex', 'getegid', 'geteuid',
    'getgid', 'getpid', 'getppid', 'gettid', 'gettimeofday', 'getuid', 'munmap', 'restart_syscall',
    'rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'sched_getaffinity', 'sched_setaffinity',
    'set_robust_list', 'set_tid_address', 'rseq', 'sched_yield', 'umask', 'kill', 'tgkill',
}
# These make descriptors.
MAKERS = {
    'accept', 'accept4', 'clone3', 'dup', 'epoll_create1', 'eventfd2', 'fcntl', 'fsmount', 'fsopen', 'inotify_init1',
    'landlock_create_ruleset', 'memfd_create', 'open', 'open_tree', 'openat', 'openat2', 'pidfd_open', 'pipe2',
    'signalfd4', 'socket', 'socketpair', 'timerfd_create',
}
# These wait, so that a signal can interrupt them.
WAITERS = {
    'accept', 'accept4', 'connect', 'epoll_pwait', 'epoll_wait', 'getrandom', 'poll', 'ppoll', 'read', 'recvfrom',
    'recvmsg', 'sendmsg', 'sendto', 'wait4', 'waitid', 'write',
}
# Of these only that.
ONLY_INTERRUPTED = {'epoll_pwait', 'epoll_wait', 'getrandom', 'wait4', 'waitid'}
# These need room on a disk, or the disk itself.
WRITERS = {'fsync', 'ftruncate', 'mkdirat', 'openat', 'renameat', 'renameat2', 'write'}
DISK = WRITERS | {'newfstatat', 'read', 'unlinkat', 'getdents64'}
ALLOCATION = 'm'  # what inject calls malloc() and its kin
ANY = 'a'


def numbers():
    """The numbers of the system calls by their names."""
    text = subprocess.run(['gcc', '-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c', '/dev/null'], check=True,
                          capture_output=True, text=True).stdout
    return {name: int(number) for name, number in re.findall(r'^#define __NR_(\w+) (\d+)$', text, re.M)}


def errors(role, name):
    """The errors that the call @name may have in the process @role, the likeliest first."""
    if name == ALLOCATION:
        return [errno.ENOMEM]
    if name in NEVER:
        return []
    kinds = [errno.EINTR] if name in WAITERS else []
    if name in MAKERS:
        kinds.append(errno.EMFILE)
    if name not in ONLY_INTERRUPTED:
        kinds.append(errno.ENOMEM)
    if name in WRITERS and role == '0':
        kinds.append(errno.ENOSPC)
    if name in DISK and role == '0':
        kinds.append(errno.EIO)
    if name in MAKERS:
        kinds.append(errno.ENFILE)
    return kinds

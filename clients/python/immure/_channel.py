# SPDX-License-Identifier: Apache-2.0
"""What a connection runs over: the pipes of a child process, or a unix socket.

A channel only owns descriptors and the child; who reads and writes them is _connection.py.
"""
from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from typing import List, Mapping, Optional, Sequence, Union

from ._errors import ErrorCode, SandboxClosed, SandboxError

Binary = Union[str, 'os.PathLike[str]', Sequence[Union[str, 'os.PathLike[str]']]]
_ID = re.compile(r'vm-[0-9a-z]{1,32}')
_SOCKET_PATIENCE = 1.0  # seconds; a sandbox makes its socket some milliseconds after it began
_SOCKET_PAUSE = 0.002


def command_of(binary: Optional[Binary]) -> List[str]:
    """The words that start immure: @binary, else $IMMURE_BINARY, else immure from PATH."""
    if binary is None:
        return [os.environ.get('IMMURE_BINARY') or 'immure']
    if isinstance(binary, (str, os.PathLike)):
        return [os.fspath(binary)]
    return [os.fspath(word) for word in binary]


def home_of(home: Union[None, str, os.PathLike[str]]) -> str:
    """The state folder: @home, else $IMMURE_HOME, else ~/.immure."""
    if home is not None:
        return os.fspath(home)
    return os.environ.get('IMMURE_HOME') or os.path.expanduser('~/.immure')


def check_id(vm_id: str) -> str:
    """Return @vm_id if it is one, so that it is no option and cannot leave the state folder."""
    if not isinstance(vm_id, str) or not _ID.fullmatch(vm_id):
        raise SandboxError(ErrorCode.INVALID_PARAMS, f'not the id of a sandbox: {vm_id!r}')
    return vm_id


class ProcessChannel:
    """`immure --rpc` as a child of ours, in its own session: Ctrl-C in our terminal is ours."""

    exits = True  # after the end of its input

    def __init__(self, command: Sequence[str], environment: Optional[Mapping[str, str]]) -> None:
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                bufsize=0, start_new_session=True, env=environment)
        except OSError as error:
            raise SandboxError(
                ErrorCode.FAILED, f'cannot start {command[0]}: {error.strerror}') from error
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self._stdin = self.process.stdin
        self.output: int = self._stdin.fileno()
        self.input: int = self.process.stdout.fileno()
        self.errors: Optional[int] = self.process.stderr.fileno()
        self.pidfd: Optional[int] = None
        try:
            self.pidfd = os.pidfd_open(self.process.pid)
        except OSError:
            pass  # an old kernel: end of file on stdout tells us, if nobody else holds that pipe
        for descriptor in (self.output, self.input, self.errors):
            os.set_blocking(descriptor, False)

    def end_input(self) -> None:
        """Tell the server that no more requests come."""
        self._stdin.close()

    def wait(self, patience: float) -> str:
        """Wait at most @patience seconds for the end. Return: how it ended, as far as is known."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return 'it stopped answering'
        return f'exit status {status}' if status >= 0 else _signal_text(-status)

    def end(self, patience: float) -> None:
        """Make sure that the child is gone and reaped: SIGTERM, @patience seconds, SIGKILL."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self) -> None:
        """Close what is left, after end()."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None


def _is_live(directory: int) -> bool:
    """Whether the sandbox of this folder says that it runs, or will."""
    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    try:
        with open('status', 'rb', opener=opener) as status:
            return status.read(16).strip() in (b'created', b'starting', b'running')
    except OSError:
        return False


def _connect(one: socket.socket, directory: int) -> None:
    """Connect to the sandbox's socket, which may be about to be made."""
    end = time.monotonic() + _SOCKET_PATIENCE
    while True:
        try:
            # By way of the folder's descriptor: a socket address has room for 108 octets only.
            one.connect(f'/proc/self/fd/{directory}/socket')
            return
        except (FileNotFoundError, ConnectionRefusedError):  # not there, not listening yet
            if time.monotonic() > end or not _is_live(directory):
                raise
        time.sleep(_SOCKET_PAUSE)


class SocketChannel:
    """The unix socket of a running sandbox."""

    exits = False

    def __init__(self, vm_id: str, home: str) -> None:
        folder = os.path.join(home, 'vms', check_id(vm_id))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            directory = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                _connect(self._socket, directory)
            finally:
                os.close(directory)
        except OSError as error:
            self._socket.close()
            raise SandboxClosed(f'cannot attach to {vm_id}: {error.strerror}') from error
        self._socket.setblocking(False)
        self.output: int = self._socket.fileno()
        self.input: int = self.output
        self.errors: Optional[int] = None
        self.pidfd: Optional[int] = None

    def end_input(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side was quicker

    def wait(self, patience: float) -> str:
        return 'its socket was closed'

    def end(self, patience: float) -> None:
        pass  # a sandbox we attached to is not ours to end

    def close(self) -> None:
        self._socket.close()


Channel = Union[ProcessChannel, SocketChannel]


def _signal_text(number: int) -> str:
    try:
        return f'ended by {signal.Signals(number).name}'
    except ValueError:
        return f'ended by signal {number}'

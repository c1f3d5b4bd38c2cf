# SPDX-License-Identifier: Apache-2.0
"""The sandbox as an object."""
from __future__ import annotations

import base64
import os
import time
import weakref
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Type, Union

from ._channel import Binary, Channel, ProcessChannel, SocketChannel, command_of, home_of
from ._connection import CLOSE_PATIENCE_S, Connection, deadline_of
from ._errors import ErrorCode, SandboxClosed, SandboxError
from ._events import Events, Handler
from ._results import ExecResult, FileInfo, decode
from ._stream import ExecStream

EVENTS_PATIENCE_S = 5.0  # close() gives handlers this long for what is queued
Command = Union[str, Sequence[str]]


class Sandbox:
    """A running sandbox. Any number of threads may use it at once.

    Every method that asks the sandbox something takes `timeout` in seconds: how long to wait for
    the answer before SandboxTimeout is raised (default: for ever). A command is cancelled then.
    This is apart from exec's `timeout_seconds`, which the sandbox itself keeps.

    If the sandbox ends for any reason, waiting and later calls raise SandboxClosed.
    """

    def __init__(self, config: Optional[Mapping[str, Any]] = None, *,
                 binary: Optional[Binary] = None, arguments: Sequence[str] = (),
                 environment: Optional[Mapping[str, str]] = None,
                 timeout: Optional[float] = None) -> None:
        """Start `immure --rpc` and create a sandbox with @config (see `create` in the protocol).

        @binary: the program, or the words of a command line that runs it (default: $IMMURE_BINARY,
        else immure from PATH). @arguments: more options for it, such as --config FILE.
        @environment: its own environment (default: ours); the sandbox's is in @config.
        """
        command = [*command_of(binary), '--rpc', *arguments]
        self._open(ProcessChannel(command, environment), attached=False)
        try:
            answer = self._ask('create', dict(config or {}), timeout)
            self._id = str(answer.get('id', ''))
            self._env: Dict[str, str] = dict(answer.get('env') or {})
        except BaseException:
            self._connection.stop(0.0)
            raise

    @classmethod
    def attach(cls, vm_id: str, *, home: Union[None, str, os.PathLike[str]] = None) -> Sandbox:
        """Connect to the running sandbox @vm_id, whoever started it.

        close() then only disconnects; close(kill=True) ends the sandbox.
        @home: the state folder (default: $IMMURE_HOME, else ~/.immure).
        """
        self = cls.__new__(cls)
        self._open(SocketChannel(vm_id, home_of(home)), attached=True)
        self._id = vm_id
        self._env = {}
        return self

    def _open(self, channel: Channel, attached: bool) -> None:
        self._attached = attached
        self._events = Events()
        self._connection = Connection(channel, self._events.put)
        self._finalizer = weakref.finalize(self, _abandon, self._connection, self._events)

    @property
    def id(self) -> str:
        """As `immure list` shows it."""
        return self._id

    @property
    def env(self) -> Dict[str, str]:
        """The variables that `create` resolved: secrets are placeholders. Empty if attached."""
        return dict(self._env)

    @property
    def closed(self) -> bool:
        """True once no call can succeed any more."""
        return self._connection.ended

    def exec(self, command: Command, working_dir: Optional[str] = None, *,
             env: Optional[Mapping[str, str]] = None, stdin: Union[None, bytes, str] = None,
             tty: bool = False, rows: Optional[int] = None, columns: Optional[int] = None,
             timeout_seconds: Optional[float] = None,
             timeout: Optional[float] = None) -> ExecResult:
        """Run @command and wait for its end.

        A string is run by /bin/sh -c, a sequence of strings directly. @stdin is its whole input
        (default: none). After @timeout_seconds the sandbox ends it: exit_code 124, timed_out.
        """
        params = _exec_params(command, working_dir, env, stdin, tty, rows, columns, timeout_seconds)
        answer = self._connection.call('exec', params, timeout, cancel=True)
        if not isinstance(answer, dict):
            raise SandboxError(ErrorCode.INTERNAL, 'exec: the answer is no object')
        return ExecResult.from_answer(answer)

    def exec_stream(self, command: Command, working_dir: Optional[str] = None, *,
                    env: Optional[Mapping[str, str]] = None,
                    stdin: Union[None, bytes, str] = None, stdin_open: bool = False,
                    tty: bool = False, rows: Optional[int] = None, columns: Optional[int] = None,
                    timeout_seconds: Optional[float] = None,
                    timeout: Optional[float] = None) -> ExecStream:
        """Run @command and read its output as it comes; @stdin_open: write() its input likewise.

        While the stream is not read, the program is held up; but when other calls wait on the same
        sandbox, a stream with 64 MiB unread fails with ErrorCode.LIMIT. @timeout spans all of it.
        """
        params = _exec_params(command, working_dir, env, stdin, tty, rows, columns, timeout_seconds)
        if stdin_open:
            params['stdin_open'] = True
        deadline = deadline_of(timeout)
        call = self._connection.start('exec_stream', params, deadline, streaming=True)
        return ExecStream(self, self._connection, call, deadline)

    def write_file(self, path: str, content: Union[bytes, str], mode: Optional[int] = None, *,
                   timeout: Optional[float] = None) -> None:
        """Write a file inside, whole; a str as UTF-8. @mode: permission bits (default 0o644).

        At most about 35 MiB; for more, stream it: exec_stream('cat > FILE', stdin_open=True).
        """
        octets = content.encode() if isinstance(content, str) else content
        params: Dict[str, Any] = {'path': path, 'content': _base64(octets)}
        if mode is not None:
            params['mode'] = mode
        self._connection.call('write_file', params, timeout)

    def read_file(self, path: str, *, offset: Optional[int] = None, length: Optional[int] = None,
                  timeout: Optional[float] = None) -> bytes:
        """Read a file inside: all of it, or @length octets from @offset."""
        params = _given(path=path, offset=offset, length=length)
        return decode(self._ask('read_file', params, timeout), 'content')

    def list_files(self, path: str, *, timeout: Optional[float] = None) -> List[FileInfo]:
        """The entries of a folder inside, without . and .."""
        answer = self._ask('list_files', {'path': path}, timeout)
        return [FileInfo(entry) for entry in answer.get('files') or ()]

    def stats(self, *, timeout: Optional[float] = None) -> Dict[str, Any]:
        """Resources used, as far as the sandbox can tell."""
        return self._ask('stats', {}, timeout)

    def call(self, method: str, params: Optional[Mapping[str, Any]] = None, *,
             timeout: Optional[float] = None) -> Any:
        """Call a method that has no wrapper here. Return: its result, as decoded from JSON."""
        return self._connection.call(method, dict(params or {}), timeout)

    def on_event(self, handler: Handler) -> Callable[[], None]:
        """Call @handler(event) for each event from now on, e['type'] being "network", "file", ….

        Handlers run one event at a time in a thread of their own, apart from the one that reads
        the connection: they may be slow or call the sandbox, and what they raise is logged. If they
        fall 10,000 events behind, further ones are dropped and their count is delivered as
        {"type": "dropped", "dropped": {"count": N}}. The function returned unsubscribes.
        """
        return self._events.add(handler)

    def kill(self, signal: Union[None, str, int] = None, *,
             timeout: Optional[float] = None) -> None:
        """Kill all that runs in the sandbox, and so the sandbox; or send all of it @signal."""
        try:
            self._connection.call('kill', _given(signal=signal), timeout)
        except SandboxClosed:
            pass  # it is dead, as asked

    def close(self, *, kill: bool = False, timeout: float = CLOSE_PATIENCE_S) -> None:
        """End the sandbox, and wait until its process is gone; after @timeout seconds it is killed.

        An attached sandbox is only disconnected from, unless @kill. Calls that wait in other
        threads raise SandboxClosed. Never fails; closing twice does nothing.
        """
        deadline = time.monotonic() + timeout
        try:
            if kill or not self._attached:
                self._connection.call('close', {}, timeout)
        except SandboxError:
            pass  # dead, or it does not want to: stop() sees to it
        finally:
            self._finalizer.detach()
            self._connection.stop(max(1.0, deadline - time.monotonic()), see_end=kill)
            self._events.stop(EVENTS_PATIENCE_S)

    def _ask(self, method: str, params: Mapping[str, Any],
             timeout: Optional[float]) -> Dict[str, Any]:
        answer = self._connection.call(method, dict(params), timeout)
        if not isinstance(answer, dict):
            raise SandboxError(ErrorCode.INTERNAL, f'{method}: the answer is no object')
        return answer

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        state = 'closed' if self.closed else 'attached' if self._attached else 'running'
        return f'<immure.Sandbox {getattr(self, "_id", "?")} {state}>'


def _abandon(connection: Connection, events: Events) -> None:
    """The last reference is gone without close(): end it without holding up who let it go."""
    connection.stop(wait=False)
    events.stop(0.0)


def _base64(data: Union[bytes, str]) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode('ascii')


def _given(**params: Any) -> Dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _exec_params(command: Command, working_dir: Optional[str], env: Optional[Mapping[str, str]],
                 stdin: Union[None, bytes, str], tty: bool, rows: Optional[int],
                 columns: Optional[int], timeout_seconds: Optional[float]) -> Dict[str, Any]:
    return _given(
        command=command if isinstance(command, str) else list(command), working_dir=working_dir,
        env=None if env is None else dict(env), stdin=None if stdin is None else _base64(stdin),
        tty=tty or None, rows=rows, columns=columns, timeout_seconds=timeout_seconds)

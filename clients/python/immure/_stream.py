# SPDX-License-Identifier: Apache-2.0
"""A command whose output is read as it comes."""
from __future__ import annotations

import base64
from types import TracebackType
from typing import Any, Iterator, Optional, Type, Union

from ._connection import Call, Connection
from ._errors import ErrorCode, SandboxError
from ._results import Chunk, ExecResult, decode

STDIN_OCTETS = 256 * 1024  # sent at once; the answer to each piece is the program's back-pressure


class ExecStream(Iterator[Chunk]):
    """An iterator of Chunk; when it is exhausted, `result` says how the command ended.

    Reading slowly slows the program down. Closing it (or leaving its `with` block, or losing the
    last reference) before the end cancels the command. One thread iterates; write(), kill() and
    resize() may be called by others meanwhile.
    """

    def __init__(self, owner: object, connection: Connection, call: Call,
                 deadline: Optional[float]) -> None:
        self._owner = owner  # the sandbox lives as long as the stream does
        self._connection = connection
        self._call = call
        self._deadline = deadline
        self._result: Optional[ExecResult] = None
        self._over = False

    @property
    def result(self) -> Optional[ExecResult]:
        """How the command ended (with no output in it); None before that."""
        return self._result

    def __iter__(self) -> ExecStream:
        return self

    def __next__(self) -> Chunk:
        while not self._over:
            try:
                answer = self._connection.take(self._call, self._deadline)
                if not isinstance(answer, dict):
                    raise SandboxError(ErrorCode.INTERNAL, 'exec_stream: not a result')
                chunk = Chunk(decode(answer, 'stdout'), decode(answer, 'stderr'))
                if 'exit_code' in answer:
                    self._result = ExecResult.from_answer(answer, with_output=False)
                    self._over = True
            except BaseException:
                self.close()
                raise
            if chunk.stdout or chunk.stderr:
                return chunk
        raise StopIteration

    def wait(self) -> ExecResult:
        """Read to the end, dropping what comes. Return: how the command ended."""
        for _ in self:
            pass
        if self._result is None:
            raise SandboxError(ErrorCode.CANCELLED, 'the command was cancelled')
        return self._result

    def write(self, data: Union[bytes, str], *, timeout: Optional[float] = None) -> None:
        """Give the program input (needs stdin_open=True); waits until it is accepted."""
        octets = memoryview(data.encode() if isinstance(data, str) else data)
        for start in range(0, len(octets), STDIN_OCTETS):
            self._stdin(octets[start:start + STDIN_OCTETS], False, timeout)

    def close_stdin(self, *, timeout: Optional[float] = None) -> None:
        """The program reads end of file after what was written."""
        self._stdin(memoryview(b''), True, timeout)

    def kill(self, signal: Union[str, int] = 'TERM', *, timeout: Optional[float] = None) -> None:
        """Send the command a signal; a name is without SIG."""
        self._ask('kill', {'signal': signal}, timeout)

    def resize(self, rows: int, columns: int, *, timeout: Optional[float] = None) -> None:
        """Tell a command with a terminal its new size."""
        self._ask('resize', {'rows': rows, 'columns': columns}, timeout)

    def close(self) -> None:
        """Cancel the command unless it has ended. Does not wait for that."""
        if not self._over:
            self._over = True
            self._connection.forget(self._call, cancel=True)

    def _stdin(self, data: memoryview, eof: bool, timeout: Optional[float]) -> None:
        self._ask('stdin', {'data': base64.b64encode(data).decode('ascii'), 'eof': eof}, timeout)

    def _ask(self, method: str, params: dict[str, Any], timeout: Optional[float]) -> None:
        self._connection.call(method, {'exec': self._call.number, **params}, timeout)

    def __enter__(self) -> ExecStream:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        if not self.__dict__.get('_over', True):
            self._connection.abandon(self._call)

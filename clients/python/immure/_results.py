# SPDX-License-Identifier: Apache-2.0
"""What calls return: dicts with the protocol's field names, and attributes of the same."""
from __future__ import annotations

import base64
import binascii
from typing import Any, Dict, Mapping, NamedTuple, Optional, cast

from ._errors import ErrorCode, SandboxError


def decode(result: Mapping[str, Any], name: str) -> bytes:
    """The base64 field @name of @result; b'' if there is none."""
    try:
        return base64.b64decode(result.get(name) or '', validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise SandboxError(ErrorCode.INTERNAL, f'bad base64: {name}: {error}') from None


class Chunk(NamedTuple):
    """A piece of output as it came; usually one of the two is empty."""

    stdout: bytes
    stderr: bytes


class ExecResult(Dict[str, Any]):
    """How a command ended.

    A dict with exit_code, stdout, stderr (text, with U+FFFD where it is not UTF-8), duration_ms,
    signal, timed_out and truncated; each is an attribute too. stdout_bytes and stderr_bytes are
    attributes only. For exec_stream() the output is empty: the chunks had it.
    """

    stdout_bytes: bytes
    stderr_bytes: bytes

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], with_output: bool = True) -> ExecResult:
        """Read the protocol's answer (output in base64)."""
        code = answer.get('exit_code')
        if not isinstance(code, int):
            raise SandboxError(ErrorCode.INTERNAL, 'an answer without exit_code')
        self = cls()
        self.stdout_bytes = decode(answer, 'stdout') if with_output else b''
        self.stderr_bytes = decode(answer, 'stderr') if with_output else b''
        self.update(
            exit_code=code,
            stdout=self.stdout_bytes.decode('utf-8', 'replace'),
            stderr=self.stderr_bytes.decode('utf-8', 'replace'),
            duration_ms=answer.get('duration_ms', 0),
            signal=answer.get('signal'),
            timed_out=bool(answer.get('timed_out', False)),
            truncated=bool(answer.get('truncated', False)))
        return self

    @property
    def exit_code(self) -> int:
        """The program's own code; 128+n if signal n ended it; 124 if it timed out."""
        return cast(int, self['exit_code'])

    @property
    def stdout(self) -> str:
        return cast(str, self['stdout'])

    @property
    def stderr(self) -> str:
        return cast(str, self['stderr'])

    @property
    def duration_ms(self) -> int:
        return cast(int, self['duration_ms'])

    @property
    def signal(self) -> Optional[int]:
        """The signal that ended the program, if one did."""
        return cast(Optional[int], self['signal'])

    @property
    def timed_out(self) -> bool:
        """True if its timeout_seconds passed and it was ended for that."""
        return cast(bool, self['timed_out'])

    @property
    def truncated(self) -> bool:
        """True if it wrote more than exec() keeps (16 MiB a stream); exec_stream() has no limit."""
        return cast(bool, self['truncated'])

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


class FileInfo(Dict[str, Any]):
    """An entry of a folder: name, size (octets), mode (permission bits), is_dir."""

    @property
    def name(self) -> str:
        return cast(str, self['name'])

    @property
    def size(self) -> int:
        return cast(int, self['size'])

    @property
    def mode(self) -> int:
        return cast(int, self['mode'])

    @property
    def is_dir(self) -> bool:
        return cast(bool, self['is_dir'])

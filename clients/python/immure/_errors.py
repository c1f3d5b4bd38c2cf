# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as exceptions. All of them are SandboxError."""
from __future__ import annotations

import enum


class ErrorCode(enum.IntEnum):
    """Codes of the JSON-RPC 2.0 specification, then immure's own."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL = -32603
    FAILED = -32000          # the sandbox could not do it; the message says why
    NOT_CREATED = -32001     # no sandbox yet
    CLOSED = -32002          # the sandbox is gone
    NOT_SUPPORTED = -32003   # a setting this version does not know how to honour
    LIMIT = -32004           # too many calls, too much data
    CANCELLED = -32005


class SandboxError(Exception):
    """A call failed: `code` is an ErrorCode (or an unknown number), `message` is for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class SandboxClosed(SandboxError):
    """The sandbox is gone: closed by us, ended by someone else, or its process died.

    In the last case the message holds the end of what the process wrote to its standard error.
    """

    def __init__(self, message: str, code: int = ErrorCode.CLOSED) -> None:
        super().__init__(code, message)

    def __reduce__(self) -> tuple[type[SandboxClosed], tuple[str, int]]:
        return type(self), (self.message, self.code)


class SandboxTimeout(SandboxError, TimeoutError):
    """The `timeout=` of a call passed. A command that was under way has been cancelled."""

    def __init__(self, message: str, code: int = ErrorCode.CANCELLED) -> None:
        super().__init__(code, message)

    def __reduce__(self) -> tuple[type[SandboxTimeout], tuple[str, int]]:
        return type(self), (self.message, self.code)

# SPDX-License-Identifier: Apache-2.0
"""Run untrusted programs with nothing allowed.

    from immure import Sandbox

    with Sandbox() as sandbox:
        print(sandbox.exec('echo hello')['stdout'])

Each Sandbox is one `immure --rpc` process (no daemon); it ends with the Sandbox object, and with
the Python process at the latest.
"""
from ._errors import ErrorCode, SandboxClosed, SandboxError, SandboxTimeout
from ._results import Chunk, ExecResult, FileInfo
from ._sandbox import Sandbox
from ._stream import ExecStream
from ._vms import VM, get_vm, kill_vm, list_vms, prune, rm_vm

__version__ = '0.1.0'
__all__ = [
    'Chunk', 'ErrorCode', 'ExecResult', 'ExecStream', 'FileInfo', 'Sandbox', 'SandboxClosed',
    'SandboxError', 'SandboxTimeout', 'VM', 'get_vm', 'kill_vm', 'list_vms', 'prune', 'rm_vm',
]

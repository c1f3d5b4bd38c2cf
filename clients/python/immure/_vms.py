# SPDX-License-Identifier: Apache-2.0
"""All sandboxes of this user, by way of the command line (`immure list --json` and its like)."""
from __future__ import annotations

import dataclasses
import json
import subprocess
from typing import Any, Dict, List, Optional, Tuple, Union

from ._channel import Binary, check_id, command_of
from ._errors import ErrorCode, SandboxError, SandboxTimeout

TIMEOUT_S = 60.0  # for a command that takes milliseconds


@dataclasses.dataclass(frozen=True)
class VM:
    """What is known of a sandbox. `config` is filled in by get_vm(), not by list_vms()."""

    id: str
    status: str  # "created", "starting", "running", "stopping", "stopped", "crashed"
    image: str
    created_at: Union[str, int]
    pid: Optional[int]  # of its warden; None when it does not run
    command: str
    config: Dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Any) -> VM:
        if not isinstance(value, dict):
            raise SandboxError(ErrorCode.INTERNAL, 'immure: an entry that is no object')
        command = value.get('command') or ''
        return cls(
            id=str(value.get('id', '')), status=str(value.get('status', '')),
            image=str(value.get('image') or ''), created_at=value.get('created_at') or '',
            pid=value.get('pid') or None, config=value.get('config') or {},
            command=command if isinstance(command, str) else ' '.join(map(str, command)))


def list_vms(status: Optional[str] = None, *, binary: Optional[Binary] = None) -> List[VM]:
    """All sandboxes, oldest first; with @status only those in it."""
    listed = _json_of(_run(binary, 'list', '--json'))
    if not isinstance(listed, list):
        raise SandboxError(ErrorCode.INTERNAL, 'immure list --json: not an array')
    vms = [VM.from_json(value) for value in listed]
    return [vm for vm in vms if status is None or vm.status == status]


def get_vm(vm_id: str, *, binary: Optional[Binary] = None) -> VM:
    """One sandbox with its configuration. SandboxError if there is none of that id."""
    return VM.from_json(_json_of(_run(binary, 'get', check_id(vm_id))))


def kill_vm(vm_id: str, *, binary: Optional[Binary] = None) -> None:
    """End a running sandbox."""
    _run(binary, 'kill', check_id(vm_id))


def rm_vm(vm_id: str, *, binary: Optional[Binary] = None) -> None:
    """Forget a sandbox that does not run any more."""
    _run(binary, 'rm', check_id(vm_id))


def prune(*, binary: Optional[Binary] = None) -> None:
    """Clear up what crashed sandboxes left."""
    _run(binary, 'prune')


def _run(binary: Optional[Binary], *arguments: str) -> str:
    command: Tuple[str, ...] = (*command_of(binary), *arguments)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise SandboxTimeout(f'immure {arguments[0]}: no answer in time') from None
    except OSError as error:
        raise SandboxError(
            ErrorCode.FAILED, f'cannot start {command[0]}: {error.strerror}') from error
    if done.returncode != 0:
        reason = done.stderr.decode('utf-8', 'replace').strip() or f'exit code {done.returncode}'
        raise SandboxError(ErrorCode.FAILED, f'immure {" ".join(arguments)}: {reason}')
    return done.stdout.decode('utf-8', 'replace')


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SandboxError(ErrorCode.INTERNAL, f'immure answered no JSON: {error}') from None

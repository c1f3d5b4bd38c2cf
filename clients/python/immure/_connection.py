# SPDX-License-Identifier: Apache-2.0
"""A JSON-RPC 2.0 connection, one message a line, shared by any number of threads.

One thread per connection does all reading and writing, in a poll loop that never blocks on either:
callers put their message in the outbox and wait for their Call to be answered. Hence nothing can
deadlock between a server that waits for us to read and a caller that waits to write, and every
wait can have a time limit.

What arrives for exec_stream() is kept until its consumer takes it. When more than BUFFER_OCTETS are
kept, the thread stops reading (which stops the server, which stops the program), but only while no
thread waits for anything: one slow consumer must not hold up, still less deadlock, other calls. If
others do wait, reading goes on, and a stream with more than STREAM_OCTETS_MAX unread is cancelled.

The end of the server (end of file, or its death seen through a pidfd) fails all waiting calls at
once, with what it last wrote to its standard error.
"""
from __future__ import annotations

import collections
import json
import logging
import os
import select
import threading
import time
from typing import Any, Callable, Deque, Dict, List, Optional, Union

from ._channel import Channel
from ._errors import ErrorCode, SandboxClosed, SandboxError, SandboxTimeout

LINE_OCTETS_MAX = 48 * 1024 * 1024     # of a request: the server's own limit
DEPTH_MAX = 60                         # of a request: a little below the server's
ANSWER_OCTETS_MAX = 128 * 1024 * 1024  # of a line from the server; far above what it ever sends
OUTBOX_OCTETS = 1024 * 1024            # callers wait to send while there is more than this unsent
BUFFER_OCTETS = 8 * 1024 * 1024
STREAM_OCTETS_MAX = 64 * 1024 * 1024
READ_OCTETS = 256 * 1024
ERRORS_OCTETS = 4096                   # kept of the server's standard error
END_PATIENCE_S = 2.0                   # for an exit after end of file, before we help
CLOSE_PATIENCE_S = 10.0                # for an exit after `close`: it has a sandbox to take down

_READ = select.POLLIN | select.POLLHUP | select.POLLERR
_log = logging.getLogger('immure')
Message = Dict[str, Any]


class Call:
    """A request that is owed an answer. All fields are guarded by the connection's lock."""

    def __init__(self, method: str, number: int, streaming: bool, lock: threading.RLock) -> None:
        self.method = method
        self.number = number
        self.streaming = streaming
        self.changed = threading.Condition(lock)
        self.parts: Deque[tuple[Any, int]] = collections.deque()  # results and their weight
        self.octets = 0
        self.done = False
        self.error: Optional[SandboxError] = None


class Connection:
    """See above. @on_event gets the params of each `event`, in the connection's thread."""

    def __init__(self, channel: Channel, on_event: Callable[[Any], None]) -> None:
        self._channel = channel
        self._on_event = on_event
        self._lock = threading.RLock()  # re-entrant: a finaliser may run while its thread holds it
        self._room = threading.Condition(self._lock)
        self._numbers = 0
        self._calls: Dict[int, Call] = {}
        self._abandoned: Deque[int] = collections.deque()
        self._outbox: Deque[memoryview] = collections.deque()
        self._outbox_octets = 0
        self._kept_octets = 0
        self._waiting = 0      # threads that wait for something from the server
        self._paused = False
        self._closing = False  # by us
        self._end_at: Optional[float] = None  # when to stop waiting for the server to end
        self._input_ended = False
        self._see_end = channel.exits
        self._ended: Optional[SandboxClosed] = None
        self._inbox = bytearray()
        self._inbox_seen = 0   # octets at its start that hold no newline
        self._errors = bytearray()
        self._wake_in, self._wake_out = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name='immure-connection', daemon=True)
        self._thread.start()

    # Called by any thread.

    @property
    def ended(self) -> bool:
        return self._ended is not None

    def start(self, method: str, params: Message, deadline: Optional[float] = None,
              streaming: bool = False) -> Call:
        """Send a request. The answer comes to the Call returned: take() it."""
        with self._lock:
            self._numbers += 1
            call = Call(method, self._numbers, streaming, self._lock)
        message = {'jsonrpc': '2.0', 'method': method, 'params': params, 'id': call.number}
        line = _encode(message)
        with self._lock:
            while self._outbox_octets > OUTBOX_OCTETS and self._ended is None:
                self._wait(self._room, deadline, method)
            if self._ended is not None:
                raise self._closed()
            self._calls[call.number] = call
            self._post(line)
        return call

    def notify(self, method: str, params: Message) -> None:
        """Send a notification: never waits, nothing comes back, lost if the connection is gone."""
        line = _encode({'jsonrpc': '2.0', 'method': method, 'params': params})
        with self._lock:
            if self._ended is None and not self._closing:
                self._post(line)

    def take(self, call: Call, deadline: Optional[float] = None) -> Any:
        """Wait for the next answer to @call and return its result; raise what it failed with."""
        with self._lock:
            while not call.parts and call.error is None:
                self._wait(call.changed, deadline, call.method)
            if not call.parts:
                assert call.error is not None
                raise call.error
            result, weight = call.parts.popleft()
            call.octets -= weight
            self._release(weight)
            return result

    def forget(self, call: Call, cancel: bool) -> None:
        """Want no more answers to @call; with @cancel, tell the server to end the command."""
        with self._lock:
            known = self._calls.pop(call.number, None) is not None
            self._release(call.octets)
            call.parts.clear()
            call.octets = 0
            if call.error is None:
                call.error = SandboxError(ErrorCode.CANCELLED, f'{call.method} was cancelled')
            call.changed.notify_all()
        if known and cancel:
            self.notify('cancel', {'exec': call.number})

    def abandon(self, call: Call) -> None:
        """forget() with cancel, from a finaliser: whatever its thread was just doing."""
        self._abandoned.append(call.number)
        self._wake()

    def call(self, method: str, params: Message, timeout: Optional[float] = None,
             cancel: bool = False) -> Any:
        """Send a request and wait for its one answer. @cancel: tell the server if we give up."""
        deadline = deadline_of(timeout)
        call = self.start(method, params, deadline)
        try:
            return self.take(call, deadline)
        except BaseException:
            self.forget(call, cancel)  # nothing to do if it was answered
            raise

    def stop(self, patience: float = CLOSE_PATIENCE_S, wait: bool = True,
             see_end: bool = False) -> None:
        """End the connection: end of input for a child, its exit awaited, then forced.

        A socket is closed at once, unless @see_end: then the server's end is awaited there too.
        """
        with self._lock:
            self._see_end |= see_end
            if not self._closing:
                self._closing = True
                self._end_at = time.monotonic() + patience
                self._wake()
        if wait and threading.current_thread() is not self._thread:
            self._thread.join()

    # With the lock held.

    def _wait(self, condition: threading.Condition, deadline: Optional[float], what: str) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise SandboxTimeout(f'{what}: no answer in time')
        self._waiting += 1
        try:
            if self._paused:
                self._wake()
            condition.wait(left)
        finally:
            self._waiting -= 1

    def _post(self, line: bytes) -> None:
        self._outbox.append(memoryview(line))
        self._outbox_octets += len(line)
        self._wake()

    def _release(self, octets: int) -> None:
        self._kept_octets -= octets
        if self._paused and self._kept_octets <= BUFFER_OCTETS // 2:
            self._wake()

    def _closed(self) -> SandboxClosed:
        assert self._ended is not None
        return SandboxClosed(self._ended.message, self._ended.code)  # each raise its own traceback

    def _wake(self) -> None:
        with self._lock:
            if self._ended is None:
                try:
                    os.write(self._wake_out, b'\0')
                except BlockingIOError:
                    pass  # it is awake already

    # The connection's thread.

    def _run(self) -> None:
        try:
            reason = self._serve()
        except _Protocol as error:
            reason = f'the server broke the protocol: {error}'
        except Exception as error:  # our own bug must not leave callers waiting for ever
            _log.exception('the connection failed')
            reason = f'the connection failed: {error!r}'
        patience = END_PATIENCE_S if self._end_at is None else self._end_at - time.monotonic()
        how = self._channel.wait(0.0 if reason else max(0.0, patience))
        self._read_errors()
        self._fail_all(reason or how)  # before the rest: nobody is to wait for that
        self._channel.end(END_PATIENCE_S)
        self._channel.close()

    def _fail_all(self, reason: str) -> None:
        text = bytes(self._errors).decode('utf-8', 'replace').strip()
        if self._closing:
            message = 'the sandbox was closed'
        else:
            message = f'the sandbox ended: {reason}' + (f': {text}' if text else '')
        with self._lock:
            self._ended = SandboxClosed(message)
            for call in list(self._calls.values()):
                call.error = self._closed()
                call.changed.notify_all()
            self._calls.clear()
            self._outbox.clear()
            self._room.notify_all()
            os.close(self._wake_in)
            os.close(self._wake_out)

    def _serve(self) -> Optional[str]:
        """Read and write until the connection ends. Return: why, or None to tell how it exited."""
        channel = self._channel
        poll = select.poll()
        poll.register(self._wake_in, select.POLLIN)
        while True:
            self._drop_abandoned()
            patience_ms = self._interests(poll)
            if self._input_ended and not self._see_end:
                return None
            ready = dict(poll.poll(patience_ms))
            if self._wake_in in ready:
                _read(self._wake_in)
            if channel.errors in ready and not self._read_errors():
                poll.unregister(channel.errors)
                channel.errors = None
            if ready.get(channel.output, 0) & (select.POLLOUT | select.POLLERR):
                self._write(broken=bool(ready[channel.output] & select.POLLERR))
            dead = channel.pidfd is not None and channel.pidfd in ready
            if dead or ready.get(channel.input, 0) & _READ:
                if not self._read(until_empty=dead) or dead:
                    return None
            if self._end_at is not None and time.monotonic() >= self._end_at:
                return 'it did not end in time'

    def _interests(self, poll: Any) -> Optional[float]:
        """Tell @poll what we want now. Return: milliseconds to wait at most, None without limit."""
        channel = self._channel
        with self._lock:
            self._paused = (self._kept_octets > BUFFER_OCTETS and self._waiting == 0
                            and self._end_at is None)
            if self._closing and not self._outbox and not self._input_ended:
                self._input_ended = True
            wanted = {channel.input: 0 if self._paused else select.POLLIN}
            if not self._input_ended:
                write = select.POLLOUT if self._outbox else 0
                wanted[channel.output] = wanted.get(channel.output, 0) | write
            elif channel.output not in wanted:
                _unregister(poll, channel.output)
            end_at = self._end_at
        if self._input_ended:
            channel.end_input()
        for extra in (channel.errors, channel.pidfd):
            if extra is not None:
                wanted[extra] = select.POLLIN
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        return None if end_at is None else max(0.0, (end_at - time.monotonic()) * 1000) + 1

    def _write(self, broken: bool) -> None:
        with self._lock:
            try:
                while self._outbox and not broken:
                    count = os.write(self._channel.output, self._outbox[0])
                    self._outbox_octets -= count
                    if count == len(self._outbox[0]):
                        self._outbox.popleft()
                    else:
                        self._outbox[0] = self._outbox[0][count:]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                broken = True
            if broken:  # it takes no more requests; let it finish its answers, but not for ever
                self._outbox.clear()
                self._outbox_octets = 0
                self._input_ended = self._channel.exits
                if self._end_at is None:
                    self._end_at = time.monotonic() + END_PATIENCE_S
            if self._outbox_octets <= OUTBOX_OCTETS:
                self._room.notify_all()

    def _read(self, until_empty: bool) -> bool:
        """Take in what is there. Return: False at end of file."""
        while True:
            data = _read(self._channel.input)
            if not data:
                return data is None
            self._inbox += data
            self._cut_lines()
            if not until_empty:
                return True

    def _cut_lines(self) -> None:
        end = self._inbox.find(b'\n', self._inbox_seen)
        if end < 0:
            self._inbox_seen = len(self._inbox)
            if len(self._inbox) > ANSWER_OCTETS_MAX:
                raise _Protocol('an endless line')
            return
        *lines, rest = self._inbox.split(b'\n')
        self._inbox = rest
        self._inbox_seen = len(rest)
        for line in lines:
            if line.strip():
                self._line(bytes(line))

    def _line(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise _Protocol(f'not JSON: {line[:100]!r}') from None
        for one in message if isinstance(message, list) else [message]:
            if not isinstance(one, dict):
                raise _Protocol(f'not a message: {line[:100]!r}')
            if 'id' in one:
                self._answer(one, len(line))
            elif one.get('method') == 'event':
                self._on_event(one.get('params'))

    def _answer(self, message: Message, weight: int) -> None:
        number = message['id']
        error = _error_of(message)
        if number is None:  # which request it was cannot be told, and its caller waits
            raise _Protocol(f'it could not read a request: {error or message}')
        with self._lock:
            call = self._calls.get(number) if isinstance(number, int) else None
            if call is None:
                return  # forgotten: cancelled, or out of time
            last = error is not None or not call.streaming or _is_final(message['result'])
            if error is None:
                call.parts.append((message['result'], weight))
                call.octets += weight
                self._kept_octets += weight
                if last:
                    error = SandboxError(ErrorCode.INTERNAL, 'all answers were taken')
            if not last and call.octets > STREAM_OCTETS_MAX:
                last = True
                error = SandboxError(ErrorCode.LIMIT, 'output was not read in time: '
                                     f'{call.octets >> 20} MiB wait; the command was cancelled')
                self.notify('cancel', {'exec': number})
            if last:
                call.error = error
                call.done = True
                del self._calls[number]
            call.changed.notify_all()

    def _drop_abandoned(self) -> None:
        while self._abandoned:
            call = self._calls.get(self._abandoned.popleft())
            if call is not None:
                self.forget(call, cancel=True)

    def _read_errors(self) -> bool:
        """Return: False when there will be no more."""
        while self._channel.errors is not None:
            data = _read(self._channel.errors)
            if not data:
                return data is None
            self._errors = (self._errors + data)[-ERRORS_OCTETS:]
        return False


class _Protocol(Exception):
    """The server does what no server of ours does."""


def deadline_of(timeout: Optional[float]) -> Optional[float]:
    """The time.monotonic() at which a call with @timeout ends; None is for ever."""
    return None if timeout is None else time.monotonic() + timeout


def _unregister(poll: Any, descriptor: int) -> None:
    try:
        poll.unregister(descriptor)
    except KeyError:
        pass  # it is not there any more


def _check(value: Any, depth: int = 0) -> None:
    """Refuse what the server could not even read, and hence could not answer the right call."""
    if isinstance(value, str):
        if '\0' in value or (not value.isascii()
                             and any('\ud800' <= letter <= '\udfff' for letter in value)):
            raise SandboxError(ErrorCode.INVALID_PARAMS, f'NUL or no text: {value[:100]!r}')
    elif isinstance(value, (list, tuple, dict)):
        if depth >= DEPTH_MAX:
            raise SandboxError(ErrorCode.INVALID_PARAMS, 'nested too deeply')
        for item in value:
            _check(item, depth + 1)
            if isinstance(value, dict):
                _check(value[item], depth + 1)


def _encode(message: Message) -> bytes:
    _check(message)
    try:
        line = json.dumps(message, separators=(',', ':'), allow_nan=False).encode('ascii') + b'\n'
    except (TypeError, ValueError) as error:
        raise SandboxError(ErrorCode.INVALID_PARAMS, f'no JSON: {error}') from None
    if len(line) > LINE_OCTETS_MAX:
        raise SandboxError(ErrorCode.LIMIT, 
                           f'{message["method"]}: a message of {len(line)} octets; '
                           f'at most {LINE_OCTETS_MAX} can be sent at once')
    return line


def _read(descriptor: int) -> Optional[bytes]:
    """What is there; b'' at end of file; None if there is nothing yet."""
    try:
        return os.read(descriptor, READ_OCTETS)
    except BlockingIOError:
        return None
    except ConnectionResetError:
        return b''


def _is_final(result: Any) -> bool:
    return not isinstance(result, dict) or 'exit_code' in result


def _error_of(message: Message) -> Union[SandboxError, None]:
    if 'error' not in message:
        if 'result' not in message:
            raise _Protocol('an answer without result or error')
        return None
    error = message['error']
    if not isinstance(error, dict):
        raise _Protocol('an error that is no object')
    code = error.get('code')
    kind: List[Any] = [code if isinstance(code, int) else int(ErrorCode.INTERNAL),
                       str(error.get('message', 'no reason given'))]
    if kind[0] == ErrorCode.CLOSED:
        return SandboxClosed(kind[1])
    return SandboxError(kind[0], kind[1])

# SPDX-License-Identifier: Apache-2.0
"""Deliver event notifications to handlers without ever holding up the connection.

The thread that reads the connection only queues events. A second thread, started with the first
handler, calls the handlers one event at a time in the order of arrival; so a handler may be slow,
may raise (it is logged) and may itself call the sandbox. The queue is bounded: when handlers fall
behind by QUEUE_MAX events, further ones are counted, not kept, and the count is delivered in their
place as {"type": "dropped", "dropped": {"count": N}}.
"""
from __future__ import annotations

import collections
import logging
import threading
from typing import Any, Callable, Deque, Dict, List, Optional

Event = Dict[str, Any]
Handler = Callable[[Event], object]

QUEUE_MAX = 10_000
_log = logging.getLogger('immure')


class Events:
    """The handlers of one sandbox and the queue before them."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: Deque[Event] = collections.deque()
        self._dropped = 0
        self._handlers: List[Handler] = []
        self._thread: Optional[threading.Thread] = None
        self._stopped = False

    def add(self, handler: Handler) -> Callable[[], None]:
        """Call @handler with each event from now on. The function returned takes it off again."""
        with self._condition:
            self._handlers.append(handler)
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name='immure-events', daemon=True)
                self._thread.start()
        return lambda: self._remove(handler)

    def _remove(self, handler: Handler) -> None:
        with self._condition:
            if handler in self._handlers:
                self._handlers.remove(handler)

    def put(self, event: Event) -> None:
        """Queue @event; never blocks. Without a handler it is forgotten."""
        with self._condition:
            if not self._handlers or self._stopped:
                return
            if len(self._queue) >= QUEUE_MAX:
                self._dropped += 1
                return
            if self._dropped:
                self._queue.append(_dropped_event(self._dropped))
                self._dropped = 0
            self._queue.append(event)
            self._condition.notify()

    def stop(self, timeout: float) -> None:
        """Take no more events, let handlers see those queued, and end the thread.

        Waits @timeout seconds at most: a handler that hangs must not hang its caller. From inside a
        handler it does not wait.
        """
        with self._condition:
            self._stopped = True
            self._condition.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            with self._condition:
                self._queue.clear()
                self._dropped = 0

    def _next(self) -> Optional[Event]:
        with self._condition:
            while not self._queue:
                if self._dropped:
                    count, self._dropped = self._dropped, 0
                    return _dropped_event(count)
                if self._stopped:
                    return None
                self._condition.wait()
            return self._queue.popleft()

    def _run(self) -> None:
        event = self._next()
        while event is not None:
            with self._condition:
                handlers = list(self._handlers)
            for handler in handlers:
                try:
                    handler(event)
                except Exception:
                    _log.exception('an event handler failed')
            event = self._next()


def _dropped_event(count: int) -> Event:
    return {'type': 'dropped', 'dropped': {'count': count}}

"""LISTEN connection: tells the registry and other caches of changes in the control plane. One thread per process.

Triggers call `pg_notify`, so changes by every writer arrive: this process, another one, or a person at psql. While the
connection is lost, answers are cached for one second only. The thread also calls functions at intervals, with its
connection: counters are written that way.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread
from typing import Any

import psycopg

from tenants.postgresql.direct_connection import connect_directly
from tenants.registry import invalidation
from tenants.registry.lookup import registry

logger = logging.getLogger(__name__)

CHANNEL = "tenants_changed"
APPLICATION = "tenants_listener"
"""application_name of the connection in `pg_stat_activity`."""

_RETRY_SECONDS = 1.0


class _Periodic:
    """A function that is called every so many seconds."""

    def __init__(self, seconds: float, function: Callable[[psycopg.Connection[Any]], object]) -> None:
        self._seconds = seconds
        self.function = function
        self._due = time.monotonic() + seconds

    def due_in(self) -> float:
        return max(0.0, self._due - time.monotonic())

    def call_when_due(self, connection: psycopg.Connection[Any]) -> bool:
        """Call the function if it is due; return whether it was."""
        if self.due_in() > 0.0:
            return False
        self._due = time.monotonic() + self._seconds
        self.function(connection)
        return True


class Listener:
    """Keeps one connection in LISTEN for as long as the process lives."""

    def __init__(self) -> None:
        # Guards the start: the first requests of a process come on many threads at once.
        self._lock = Lock()
        # A child made by fork() has this object but not its thread; then the number differs.
        self._pid = 0
        self._thread: Thread | None = None
        self._stopped = Event()
        self.listening = Event()
        # What is written here wakes the thread out of its wait.
        self._wake: tuple[int, int] = (-1, -1)
        self._periodic: list[_Periodic] = []

    def every(self, seconds: float, function: Callable[[psycopg.Connection[Any]], object]) -> None:
        """Have the thread call `function` with its connection at intervals, about; it must handle its own errors."""
        if all(each.function != function for each in self._periodic):  # tests load the apps again
            self._periodic.append(_Periodic(seconds, function))

    def start(self) -> None:
        """Start listening in this process, unless it does already. Cheap enough for every request."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._stop_believing()  # after fork() both say what was true of the parent
                self._stopped.clear()
                self._wake = os.pipe()
                self._thread = Thread(target=self._run, name="tenants-listener", daemon=True)
                self._thread.start()
                self._pid = os.getpid()

    def stop(self) -> None:
        """Stop listening and close the connection: a database with a listener cannot be dropped."""
        with self._lock:
            if self._thread is None or self._pid != os.getpid():
                return
            self._stopped.set()
            os.write(self._wake[1], b"x")
            self._thread.join()
            for end in self._wake:
                os.close(end)
            self._thread = None
            self._pid = 0

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with closing(connect_directly()) as connection:
                    self._listen(connection)
            except Exception as error:  # any error: without this thread no cache would be invalidated again
                logger.warning("LISTEN connection lost; reconnecting in %s s: %r", _RETRY_SECONDS, error)
            self._stop_believing()
            self._stopped.wait(_RETRY_SECONDS)

    def _stop_believing(self) -> None:
        self.listening.clear()
        registry.set_listening(False)
        invalidation.set_listening(False)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"SET application_name = '{APPLICATION}'; LISTEN {CHANNEL}")
        registry.set_listening(True)  # clears too: what changed before this moment was not notified
        invalidation.set_listening(True)
        self.listening.set()
        with DefaultSelector() as selector:  # select.select() knows no file numbers above 1023
            selector.register(connection, EVENT_READ)
            selector.register(self._wake[0], EVENT_READ)
            while True:
                selector.select(timeout=min((job.due_in() for job in self._periodic), default=None))
                if self._stopped.is_set():
                    return
                _publish_received(connection)
                for job in self._periodic:
                    if job.call_when_due(connection):
                        # psycopg has read what arrived with the results of the job; the selector does not see it.
                        _publish_received(connection)


def _publish_received(connection: psycopg.Connection[Any]) -> None:
    for notice in connection.notifies(timeout=0):
        _publish(notice.payload)


def _publish(payload: str) -> None:
    if payload.isdecimal():
        registry.invalidate(int(payload))
    elif not invalidation.publish(payload):
        registry.clear()  # none of our triggers sent it: any connection may notify


listener = Listener()

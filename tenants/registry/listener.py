"""Hears of changes in the control plane from PostgreSQL and tells registry and directory: one thread per process.

Triggers on `Tenant`, `Domain` and the services' tables call `pg_notify` (`tenants/migrations`), so every writer is
heard: this process, another one, or somebody at psql. While nobody listens, answers are believed for one second only.
Now and then the thread also writes, over the same connection, how often tenants met their limits.
"""

from __future__ import annotations

import logging
import os
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread
from typing import Any

import psycopg

from tenants.contrib.limits.counters import WRITTEN_SECONDS, pressure
from tenants.contrib.services.directory import directory
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry import invalidation as changes
from tenants.registry.lookup import registry

logger = logging.getLogger(__name__)

CHANNEL = "tenants_changed"
SERVICES = "services"
"""What the triggers on the services' tables say; those on tenants' say an id."""
APPLICATION = "tenants_listener"
"""The name of the connection in `pg_stat_activity`: whatever it has said last, this is who it is."""

_RETRY_SECONDS = 1.0


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

    def start(self) -> None:
        """Start listening in this process, unless it does already. Cheap enough for every request."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._go_deaf()  # after fork() both say what was true of the parent
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
                with connect_directly() as connection:
                    self._listen(connection)
            except Exception as error:  # whatever it is: without this thread, no change would ever be heard again
                logger.warning("Changes of tenants are not heard, trying again in %s s: %r", _RETRY_SECONDS, error)
            self._go_deaf()
            self._stopped.wait(_RETRY_SECONDS)

    def _go_deaf(self) -> None:
        self.listening.clear()
        registry.set_hearing(False)
        directory.set_hearing(False)
        changes.forget_all()

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"SET application_name = '{APPLICATION}'; LISTEN {CHANNEL}")
        registry.set_hearing(True)  # forgets too: what changed before we listened was not heard
        directory.set_hearing(True)
        changes.forget_all()
        self.listening.set()
        with DefaultSelector() as selector:  # select.select() knows no file numbers above 1023
            selector.register(connection, EVENT_READ)
            selector.register(self._wake[0], EVENT_READ)
            while True:
                selector.select(timeout=WRITTEN_SECONDS)
                if self._stopped.is_set():
                    return
                for notice in connection.notifies(timeout=0):
                    _hear(notice.payload)
                pressure.write(connection)


def _hear(payload: str) -> None:
    if payload == SERVICES:
        directory.clear()
    elif payload.isdecimal():
        registry.forget(int(payload))
    elif not changes.announce(payload):
        registry.clear()  # not our triggers' words; whoever has a connection may notify


listener = Listener()

"""Tenant of the results that Celery stores in a worker's main process: of expired, revoked, lost and unknown tasks.

No task runs there, so no tenant is active. With results in tables, the error would end the worker.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import Reject
from celery.utils.imports import symbol_by_name
from celery.worker.request import Request
from django.db import Error, close_old_connections
from psycopg_pool import PoolTimeout

from tenants.context import TenantInfo, use_tenant
from tenants.contrib.celery.owner import HEADER, find_owner, header_of
from tenants.errors import ContextError, DatabaseUnavailable
from tenants.postgresql.connection_watch import leftovers_rolled_back

logger = logging.getLogger(__name__)

_NOT_STORED = (Error, PoolTimeout, ContextError, DatabaseUnavailable)


class TenantRequest(Request):
    """A task's message in the worker, whose result is stored as the task's tenant."""

    def _announce_revoked(self, *args: Any, **kwargs: Any) -> None:
        with self._in_tenant():
            super()._announce_revoked(*args, **kwargs)

    def _announce_cancelled(self, *args: Any, **kwargs: Any) -> None:
        with self._in_tenant():
            super()._announce_cancelled(*args, **kwargs)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        if soft:
            super().on_timeout(soft, timeout)
            return
        with self._in_tenant():
            super().on_timeout(soft, timeout)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        if return_ok and not _is_rejected(exc_info.exception):  # the code that ran the task has stored the result
            super().on_failure(exc_info, send_failed_event, return_ok)
            return
        with self._in_tenant():
            super().on_failure(exc_info, send_failed_event, return_ok)

    @contextmanager
    def _in_tenant(self) -> Iterator[None]:
        try:
            with _tenant_of(header_of(self._context), self.name):
                yield
        except _NOT_STORED as error:
            _log(self.name, error)
            self.acknowledge()  # no effect if it is acknowledged or rejected already


def with_results_of_unknown_tasks(consumer: Any) -> Any:
    """Return a subclass of a worker's consumer that stores the results of unknown tasks as their tenants."""
    base: Any = symbol_by_name(consumer)

    class TenantConsumer(base):
        def on_unknown_task(self, body: Any, message: Any, exc: Any) -> None:
            name = str((message.headers or {}).get("task"))
            try:
                with _tenant_of((message.headers or {}).get(HEADER), name):
                    super().on_unknown_task(body, message, exc)
            except _NOT_STORED as error:
                _log(name, error)

    return TenantConsumer


@contextmanager
def _tenant_of(header: int | str | None, task: str) -> Iterator[None]:
    close_old_connections()
    owner = None if header is None else _look_up(header, task)
    try:
        if owner is None:
            yield
        else:
            with use_tenant(owner), leftovers_rolled_back(f"the end of the task {task}"):
                yield
    finally:
        close_old_connections()


def _look_up(header: int | str, task: str) -> TenantInfo | None:
    try:
        return find_owner(header)
    except _NOT_STORED as error:  # the message is acknowledged nevertheless
        logger.warning("Tenant %s of the task %s not found: %s", header, task, error)
        return None


def _is_rejected(error: BaseException) -> bool:
    return isinstance(error.exc if isinstance(error, ExceptionWithTraceback) else error, Reject)


def _log(task: str, error: BaseException) -> None:
    logger.warning("Result of the task %s not stored: %s", task, error)

"""Base class of tasks, for `Celery(task_cls=…)`: a task runs as its tenant, if that is active."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Task
from celery.exceptions import Ignore
from django.utils import timezone, translation

from tenants.context import TenantInfo, active_tenant, use_tenant
from tenants.contrib.celery.owner import HEADER, find_owner, header_of
from tenants.errors import WrongTenant
from tenants.isolation.patches.process_state import restored_process_state
from tenants.postgresql.connection_watch import leftovers_rolled_back

logger = logging.getLogger(__name__)


class TenantTask(Task):
    """Runs with the tenant that was active when the task was sent, or without one.

    The task of a suspended tenant is sent again until the tenant is resumed; this does not count as a retry. That of a
    deleted tenant is dropped and logged.
    """

    abstract = True
    suspended_for = 60
    """Seconds for which the task of a suspended tenant is deferred each time."""
    Request = "tenants.contrib.celery.results:TenantRequest"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly or self.request.is_eager:
            return super().__call__(*args, **kwargs)
        header = header_of(self.request)
        if header is None:
            with leftovers_rolled_back(f"the task {self.name}"):
                return self.run(*args, **kwargs)
        owner = find_owner(header)
        if owner is None:
            logger.warning("Task %s dropped: its tenant (%s) is deleted.", self.name, header)
            raise Ignore
        if owner.status != "active":
            self._defer(args, kwargs)
        with _work_of(owner, f"the task {self.name}"):
            return self.run(*args, **kwargs)

    def apply(self, *args: Any, **options: Any) -> Any:
        """Run the task here, inside the caller's block. Raise `WrongTenant` if a header names another tenant."""
        header = (options.get("headers") or {}).get(HEADER)
        if header is not None:
            _refuse_another_tenant(self.name, header)
        return super().apply(*args, **options)

    def _defer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        retries = self.request.retries
        self.signature_from_request(None, args, kwargs, countdown=self.suspended_for, retries=retries).apply_async()
        raise Ignore


def _refuse_another_tenant(task: str, header: int | str) -> None:
    active = active_tenant()
    if active is None or header not in {active.id, active.slug}:
        owner = find_owner(header)
        schema = str(header) if owner is None else owner.schema
        raise WrongTenant(f"The eager task {task}", schema, str(active or "none"))


@contextmanager
def _work_of(owner: TenantInfo, what: str) -> Iterator[None]:
    with (
        use_tenant(owner), restored_process_state(), leftovers_rolled_back(what),
        translation.override(owner.language), timezone.override(owner.time_zone),
    ):  # fmt: skip
        yield

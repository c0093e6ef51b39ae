"""The applications that this process has built: one for each mount of each tenant, the least recently used goes first.

Many threads ask for the same application at once when a process is new: the first builds it, the others wait for that
one. What is taken out while somebody still uses it is closed when the last user has given it back.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from contextvars import Context
from threading import Event, Lock, Thread, Timer
from typing import Any

from django.core.signals import setting_changed
from django.db import connections
from django.http import Http404

from tenants.context import MountPoint, TenantInfo, use_tenant
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.errors import MountFailed
from tenants.contrib.mounts.factories import Application, build
from tenants.contrib.mounts.wsgi import is_in_transaction
from tenants.registry.lookup import tenant_changed

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
"""How long after a failure, or a factory's "none", an application is not built again."""
RETIRED_SECONDS = 300.0
"""How long one that has left is kept for those who use it yet."""


class Built:
    """An application of one tenant, or the reason why there is none. Given back by whoever has taken it."""

    def __init__(self, tenant: TenantInfo, point: MountPoint) -> None:
        self.tenant = tenant
        self.point = point
        self.application: Application | None = None
        self._is_missing = False
        self._error = ""
        self.retry_at = float("inf")
        self._is_built = Event()
        # Guards the following: it is built, taken, given back and retired by different threads.
        self._lock = Lock()
        self._begun_at = 0.0
        self._users = 0
        self._is_retired = False
        self._is_closed = False

    def serves(self, tenant: TenantInfo, point: MountPoint) -> bool:
        """Tell whether this is still what the tenant has there; a failure, or a factory's "none", is not for long."""
        is_current = self.tenant == tenant and self.point == point and time.monotonic() < self.retry_at
        return is_current and (self.application is None or self.application.is_alive)

    def take(self) -> bool:
        """Count one user more; return False if the application is on its way out."""
        with self._lock:
            self._users += not self._is_retired
            return not self._is_retired

    def give_back(self) -> None:
        """Count one user less."""
        with self._lock:
            self._users -= 1
            is_last = self._is_retired and not self._users
        if is_last:
            self._close()

    def retire(self) -> None:
        """Close the application as soon as no request uses it, or after `RETIRED_SECONDS`."""
        with self._lock:
            is_last = not self._is_retired and not self._users
            self._is_retired = True
        if is_last:
            self._close()
        elif self.application is not None:
            timer = Timer(RETIRED_SECONDS, self._close)
            timer.daemon = True
            timer.start()

    def ensure_built(self) -> None:
        """Build the application unless that was done; raise `MountFailed` if it cannot be, `Http404` if it may not.

        It is built on a separate thread, so that no request waits for a factory longer than for an answer.
        """
        with self._lock:
            is_first, self._begun_at = not self._begun_at, self._begun_at or time.monotonic()
        if is_first and is_in_transaction():
            Context().run(self._build)  # what it reads, it reads in that
        elif is_first:
            Thread(target=Context().run, args=(self._build_and_hang_up,), name="mount-build", daemon=True).start()
        left = self._begun_at + mount_settings().mounts_seconds - time.monotonic()
        if not self._is_built.wait(max(0.0, left)):
            raise MountFailed(self.point.app, str(self.tenant), "Its factory has not ended yet.", RETRY_SECONDS)
        if self._is_missing:
            raise Http404(f"{self.point.app} has nothing for {self.tenant}")
        if self._error:
            raise MountFailed(self.point.app, str(self.tenant), self._error, RETRY_SECONDS)

    def _build_and_hang_up(self) -> None:
        try:
            self._build()
        finally:
            connections.close_all()

    def _build(self) -> None:
        try:
            with use_tenant(self.tenant):
                self.application = build(self.tenant, self.point)
        except Http404:
            self._is_missing = True
        except BaseException as error:  # all that a factory raises is its own tenant's trouble alone
            with use_tenant(self.tenant):
                logger.exception("The mount %s of tenant %s could not be built", self.point.app, self.tenant)
            self._error = repr(error)
        finally:
            if self.application is None:
                self.retry_at = time.monotonic() + RETRY_SECONDS
            self._is_built.set()
            with self._lock:
                is_late = self._is_retired and not self._users
            if is_late:
                self._close()

    def _close(self) -> None:
        with self._lock:
            is_done = self._is_closed or self.application is None
            self._is_closed = self._is_closed or not is_done
        if not is_done:
            # On a thread of its own: neither a shopper nor whoever hears of changes waits for a stranger's clean-up.
            arguments = (_close, self.application, self.tenant)
            Thread(target=Context().run, args=arguments, name="mount-close", daemon=True).start()


def _close(application: Application, tenant: TenantInfo) -> None:
    with use_tenant(tenant):
        try:
            application.close()
        except BaseException:
            logger.exception("An application mounted for tenant %s did not close well", tenant)
        finally:
            connections.close_all()


class BuiltApplications:
    """All of them. Safe to use from many threads."""

    def __init__(self) -> None:
        # Guards the map; never held while an application is built, called or closed.
        self._lock = Lock()
        self._built: OrderedDict[tuple[int, str], Built] = OrderedDict()

    def take(self, tenant: TenantInfo, point: MountPoint) -> Built:
        """Return the built application of a mount; the caller gives it back. Raises `MountFailed` or `Http404`."""
        built = self._place_for(tenant, point)
        try:
            built.ensure_built()
        except BaseException:
            built.give_back()
            raise
        return built

    def _place_for(self, tenant: TenantInfo, point: MountPoint) -> Built:
        key = (tenant.id, point.path)
        leaving: list[Built] = []
        with self._lock:
            built = self._built.get(key)
            if built is None or not built.serves(tenant, point) or not built.take():
                if built is not None:
                    leaving.append(built)
                built = self._built[key] = Built(tenant, point)
                built.take()
            self._built.move_to_end(key)
            while len(self._built) > max(1, mount_settings().mounts_kept):
                leaving.append(self._built.popitem(last=False)[1])
        for old in leaving:
            old.retire()
        return built

    def retire(self, tenant_id: int | None = None) -> None:
        """Close the applications of one tenant, or everybody's; who comes next gets new ones."""
        with self._lock:
            keys = [key for key in self._built if tenant_id in {None, key[0]}]
            leaving = [self._built.pop(key) for key in keys]
        for old in leaving:
            old.retire()

    def __len__(self) -> int:
        with self._lock:
            return len(self._built)


built_applications = BuiltApplications()


def _on_change(*, tenant_id: int, **_: Any) -> None:
    built_applications.retire(tenant_id)


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        built_applications.retire()


tenant_changed.connect(_on_change, dispatch_uid="tenants.contrib.mounts")
setting_changed.connect(_reload, dispatch_uid="tenants.contrib.mounts")

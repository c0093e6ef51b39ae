"""The applications that this process has built: one for each mount of each tenant, the least recently used goes first.

Many threads ask for the same application at once when a process is new: the first builds it, the others wait for that
one. What is taken out while somebody still uses it is closed when the last user has given it back.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from threading import Lock, Thread
from typing import Any

from django.core.signals import setting_changed
from django.http import Http404

from tenants.conf import tenancy
from tenants.context import MountPoint, TenantInfo, use_tenant
from tenants.errors import MountFailed
from tenants.mounts.factories import Application, build
from tenants.registry import tenant_changed

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
"""How long after a failure an application is not built again."""


class Built:
    """An application of one tenant, or the reason why there is none. Given back by whoever has taken it."""

    def __init__(self, tenant: TenantInfo, point: MountPoint) -> None:
        self.tenant = tenant
        self.point = point
        self.application: Application | None = None
        self._is_missing = False
        self._error = ""
        self.retry_at = float("inf")
        # Held while the application is built: the others who want it wait here, and nobody else does.
        self._building = Lock()
        self._is_built = False
        # Guards the two below: it is taken, given back and retired by different threads.
        self._counting = Lock()
        self._users = 0
        self._is_retired = False

    def serves(self, tenant: TenantInfo, point: MountPoint) -> bool:
        """Tell whether this is still what the tenant has there; a failure is not for long."""
        return self.tenant == tenant and self.point == point and time.monotonic() < self.retry_at

    def take(self) -> bool:
        """Count one user more; return False if the application is on its way out."""
        with self._counting:
            self._users += not self._is_retired
            return not self._is_retired

    def give_back(self) -> None:
        """Count one user less."""
        with self._counting:
            self._users -= 1
            is_last = self._is_retired and not self._users
        if is_last:
            self._close()

    def retire(self) -> None:
        """Close the application as soon as nobody uses it."""
        with self._counting:
            is_last = not self._is_retired and not self._users
            self._is_retired = True
        if is_last:
            self._close()

    def ensure_built(self) -> None:
        """Build the application unless that was done; raise `MountFailed` if it cannot be, `Http404` if it may not."""
        with self._building:
            if not self._is_built:
                self._build()
                self._is_built = True
        if self._is_missing:
            raise Http404(f"{self.point.app} has nothing for {self.tenant}")
        if self._error:
            raise MountFailed(self.point.app, str(self.tenant), self._error, RETRY_SECONDS)

    def _build(self) -> None:
        try:
            with use_tenant(self.tenant):
                self.application = build(self.tenant, self.point)
        except Http404:
            self._is_missing = True
        except Exception as error:  # whatever a stranger's factory raises is its own tenant's trouble alone
            logger.exception("The mount %s of tenant %s could not be built", self.point.app, self.tenant)
            self._error = repr(error)
            self.retry_at = time.monotonic() + RETRY_SECONDS

    def _close(self) -> None:
        if self.application is not None:
            # On a thread of its own: neither a shopper nor whoever hears of changes waits for a stranger's clean-up.
            Thread(target=_close, args=(self.application, self.tenant), name="tenants-mount-close", daemon=True).start()


def _close(application: Application, tenant: TenantInfo) -> None:
    try:
        with use_tenant(tenant):
            application.close()
    except Exception:
        logger.exception("An application mounted for tenant %s did not close well", tenant)


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
            while len(self._built) > max(1, tenancy().mounts_kept):
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


tenant_changed.connect(_on_change, dispatch_uid="tenants.mounts")
setting_changed.connect(_reload, dispatch_uid="tenants.mounts")

"""Cache of mounted applications: one for each mount of each tenant; the least recently used leaves first.

When several threads ask for a new application at once, one builds it and the others wait. An application that leaves
the cache is closed when its last user has released it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from contextvars import Context
from threading import Event, Lock, Thread, Timer
from typing import Any

from django.db import connections
from django.http import Http404

from tenants.context import MountPoint, TenantInfo, use_tenant
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.errors import MountFailed
from tenants.contrib.mounts.factories import Application, build
from tenants.contrib.mounts.wsgi import is_in_transaction
from tenants.registry.lookup import tenant_changed
from tenants.settings_cache import on_setting_change

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
"""Seconds until a factory is called again that failed or returned None."""
RETIRED_SECONDS = 300.0
"""Seconds until an application that has left the cache is closed although it is in use."""


class CachedApp:
    """An application of one tenant, or the reason why there is none. Every user acquires and releases it."""

    def __init__(self, tenant: TenantInfo, point: MountPoint) -> None:
        self.tenant = tenant
        self.point = point
        self.application: Application | None = None
        self._is_missing = False
        self._error = ""
        self.retry_at = float("inf")
        self._is_built = Event()
        # Guards the following, which many threads change.
        self._lock = Lock()
        self._began_at = 0.0
        self._users = 0
        self._is_retired = False
        self._is_closed = False

    def is_current(self, tenant: TenantInfo, point: MountPoint) -> bool:
        """Tell whether it still serves the mount: the tenant is unchanged, and a retry is not due."""
        is_same = self.tenant == tenant and self.point == point and time.monotonic() < self.retry_at
        return is_same and (self.application is None or self.application.is_alive)

    def acquire(self) -> bool:
        """Count one more user, or return False if it has left the cache."""
        with self._lock:
            self._users += not self._is_retired
            return not self._is_retired

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            is_last = self._is_retired and not self._users
        if is_last:
            self._close()

    def retire(self) -> None:
        """Close the application when no request uses it, or after `RETIRED_SECONDS`."""
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
        """Build the application unless that was done; raise `MountFailed` on errors and `Http404` as the factory does.

        It is built on a separate thread, so that a request waits for a factory no longer than for a response.
        """
        with self._lock:
            is_first, self._began_at = not self._began_at, self._began_at or time.monotonic()
        if is_first and is_in_transaction():
            Context().run(self._build)  # only this thread sees the transaction
        elif is_first:
            _start_thread("mount-build", self._build)
        left = self._began_at + mount_settings().mounts_seconds - time.monotonic()
        if not self._is_built.wait(max(0.0, left)):
            raise MountFailed(self.point.app, str(self.tenant), "Its factory is still running.", RETRY_SECONDS)
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
        except BaseException as error:  # also SystemExit: it must affect this tenant only
            with use_tenant(self.tenant):
                logger.exception("Mount %s of tenant %s could not be built", self.point.app, self.tenant)
            self._error = repr(error)
        finally:
            if self.application is None:
                self.retry_at = time.monotonic() + RETRY_SECONDS
            self._is_built.set()
            with self._lock:
                is_unused = self._is_retired and not self._users
            if is_unused:
                self._close()

    def _close(self) -> None:
        with self._lock:
            application, is_closed = self.application, self._is_closed
            self._is_closed = is_closed or application is not None
        if application is not None and not is_closed:
            # Neither a request nor the listener waits for the clean-up of an application.
            _start_thread("mount-close", _close, application, self.tenant)


def _start_thread(name: str, function: Any, *args: Any) -> None:
    """Call `function` on a new thread, with an empty context, and close its database connections."""

    def run() -> None:
        try:
            function(*args)
        finally:
            connections.close_all()

    Thread(target=Context().run, args=(run,), name=name, daemon=True).start()


def _close(application: Application, tenant: TenantInfo) -> None:
    with use_tenant(tenant):
        try:
            application.close()
        except BaseException:
            logger.exception("Error while closing a mounted application of tenant %s", tenant)


class AppCache:
    """All mounted applications of this process. Safe to use from many threads."""

    def __init__(self) -> None:
        # Guards the dictionary; not held while an application is built, called or closed.
        self._lock = Lock()
        self._apps: OrderedDict[tuple[int, str], CachedApp] = OrderedDict()

    def acquire(self, tenant: TenantInfo, point: MountPoint) -> CachedApp:
        """Return the built application of a mount, which the caller releases. Raises `MountFailed` or `Http404`."""
        app = self._find_or_add(tenant, point)
        try:
            app.ensure_built()
        except BaseException:
            app.release()
            raise
        return app

    def _find_or_add(self, tenant: TenantInfo, point: MountPoint) -> CachedApp:
        key = (tenant.id, point.path)
        leaving: list[CachedApp] = []
        with self._lock:
            app = self._apps.get(key)
            if app is None or not app.is_current(tenant, point) or not app.acquire():
                if app is not None:
                    leaving.append(app)
                app = self._apps[key] = CachedApp(tenant, point)
                app.acquire()
            self._apps.move_to_end(key)
            while len(self._apps) > max(1, mount_settings().mounts_kept):
                leaving.append(self._apps.popitem(last=False)[1])
        for old in leaving:
            old.retire()
        return app

    def retire(self, tenant_id: int | None = None) -> None:
        """Drop the applications of one tenant, or all; the next requests build new ones."""
        with self._lock:
            keys = [key for key in self._apps if tenant_id in {None, key[0]}]
            leaving = [self._apps.pop(key) for key in keys]
        for old in leaving:
            old.retire()

    def __len__(self) -> int:
        with self._lock:
            return len(self._apps)


app_cache = AppCache()


def _on_change(*, tenant_id: int, **_: Any) -> None:
    app_cache.retire(tenant_id)


tenant_changed.connect(_on_change, dispatch_uid="tenants.contrib.mounts")

on_setting_change(app_cache.retire, "TENANTS")

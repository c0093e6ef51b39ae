"""What Django keeps once per process, kept once per tenant: cache keys, files, content types, logs, templates."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakSet

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest
from django.urls import get_script_prefix

from tenants.conf import tenancy
from tenants.context import TenantInfo, active_tenant, current_tenant


def cache_key(key: str, key_prefix: str, version: int) -> str:
    """Return the cache key of the active tenant, for `CACHES[…]["KEY_FUNCTION"]`; raise `NoActiveTenant` if none is.

    Schema, generation and version have no colon and the prefix is one setting for all, so no two tenants' keys can
    meet, nor what was cached before and after a tenant's cache was emptied (`tenants.lifecycle.clear_tenant_cache`).
    """
    tenant = current_tenant()
    generation = max(tenant.cache_generation, _generations.get(tenant.schema, 0))
    return f"{tenant.schema}.{generation}:{version}:{key_prefix}:{key}"


_KEPT_GENERATIONS = 1024
_generations: dict[str, int] = {}
"""Of caches that were emptied by this process: a request that is under way has an older `TenantInfo`.

The oldest are dropped: by then such requests have ended.
"""
_noting = Lock()  # lifecycle functions note generations on many threads


def note_cache_generation(schema: str, generation: int) -> None:
    """Use this generation from now on, whatever an older `TenantInfo` says."""
    with _noting:
        _generations.pop(schema, None)
        _generations[schema] = generation
        while len(_generations) > _KEPT_GENERATIONS:
            del _generations[next(iter(_generations))]


class TenantFileSystemStorage(FileSystemStorage):
    """Files below `MEDIA_ROOT/<schema>/`: a name cannot leave its tenant's folder."""

    # Django keeps these three on the instance, of which there is one per process; here they follow the tenant.
    @property
    def base_location(self) -> str:
        return str(Path(settings.MEDIA_ROOT) / current_tenant().schema)

    @property
    def location(self) -> str:
        return str(Path(self.base_location).absolute())

    @property
    def base_url(self) -> str:
        # A tenant under a path prefix has its files under that prefix as well.
        return get_script_prefix().rstrip("/") + settings.MEDIA_URL

    def path(self, name: str) -> str:
        """Return where the file is; raise `SuspiciousFileOperation` if that is outside the folder, by a link too."""
        path: str = super().path(name)
        if not Path(path).resolve().is_relative_to(Path(self.location).resolve()):
            raise SuspiciousFileOperation(f"{name!r} leads out of the tenant's folder")
        return path


# Migrations on many threads make mappings, and forget what all of them hold.
_everyones_lock = Lock()


class PerTenant(MutableMapping[str, Any]):
    """A mapping with other contents for each tenant: put in the place of one that Django keeps per process."""

    _everyone: WeakSet[PerTenant] = WeakSet()

    def __init__(self) -> None:
        # The tenant that was asked for longest ago goes first; the lock guards the order.
        self._contents: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = Lock()
        with _everyones_lock:
            self._everyone.add(self)

    @classmethod
    def forget(cls, schema: str) -> None:
        """Drop what all such mappings hold for one tenant: what they learned may have been rolled back."""
        with _everyones_lock:
            mappings = list(cls._everyone)
        for mapping in mappings:
            with mapping._lock:
                mapping._contents.pop(schema, None)

    # Two mappings are the same only if they are one: a WeakSet compares.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def _own(self) -> dict[str, Any]:
        schema = current_tenant().schema
        with self._lock:
            own = self._contents.get(schema)
            if own is None:
                own = self._contents[schema] = {}
                while len(self._contents) > tenancy().registry_size:
                    self._contents.popitem(last=False)
            else:
                self._contents.move_to_end(schema)
            return own

    def __getitem__(self, key: str) -> Any:
        return self._own()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._own()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._own()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._own())

    def __len__(self) -> int:
        return len(self._own())

    def clear(self) -> None:
        """Forget everybody's: called by Django after migrations, when ids may have changed."""
        with self._lock:
            self._contents.clear()


def resolved_tenant(request: object) -> TenantInfo | None:
    """Return the tenant at whose host a request came, also one that it was turned away from; None if it is unknown."""
    found: TenantInfo | None = getattr(request, "resolved_tenant", None) or getattr(request, "tenant", None)
    return found if isinstance(request, HttpRequest) else None


class TenantLogFilter(logging.Filter):
    """Gives every log record the attribute `tenant`: a slug, `platform` or `-`.

    To be put on handlers. One that passes records on to another thread, as `QueueHandler` does, needs it itself: what
    it has found, nobody overwrites. Django logs answers with a status of 400 or more when no tenant is active any more;
    such a record has its request, which knows.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "tenant"):
            tenant = resolved_tenant(getattr(record, "request", None)) or active_tenant()
            record.tenant = "-" if tenant is None else tenant.slug or "platform"
        return True


def tenant_in_templates(request: HttpRequest) -> dict[str, Any]:
    """Give templates the variable `tenant`: the active `TenantInfo`, or None."""
    return {"tenant": active_tenant()}

"""Scope of a request: its tenant, URLconf and path prefix. Cached for each host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from django.http import HttpRequest
from django.urls import get_script_prefix, set_script_prefix

from tenants.conf import tenancy
from tenants.context import Block, TenantInfo, leave, serve
from tenants.http.path_prefix import set_script_name
from tenants.isolation.patches.request_state import RequestState
from tenants.isolation.urlconfs import urlconf_of
from tenants.postgresql.connection_watch import Watch, end_watch, resume_watch
from tenants.registry.lookup import registry
from tenants.registry.resolver import HostStatus, Resolution, valid_until
from tenants.settings_cache import on_setting_change


class StreamState(NamedTuple):
    """State of a streamed body between its chunks."""

    state: RequestState
    watch: Watch


@dataclass(frozen=True, slots=True)
class RequestScope:
    """The scope of one request; entered again for work after the middleware has returned."""

    tenant: TenantInfo
    script_name: str
    """The path prefix that names the tenant; empty where the host names it."""
    urlconf: Any
    """URLconf of the tenant's variant; None: Django's."""

    def mark(self, request: HttpRequest) -> None:
        request.tenant = self.tenant  # type: ignore[attr-defined]
        if self.urlconf is not None:
            request.urlconf = self.urlconf

    def enter(self) -> Block:
        # Language, time zone and URLconf end with the block: `tenants.isolation.patches.request_state`.
        block = serve(self.tenant, self.urlconf)
        if self.script_name:
            block.script_prefix = get_script_prefix()
            set_script_prefix(f"{self.script_name}/")
        return block

    def leave(self, block: Block) -> None:
        if self.script_name:
            # Restore the previous prefix: a test client or an outer request may have set one.
            set_script_prefix(block.script_prefix)
        leave(block)

    @contextmanager
    def activate(self, kept: StreamState) -> Iterator[None]:
        """Enter it again for the next chunk of a streamed body, with the state of the chunk before."""
        block = self.enter()
        kept.state.restore()
        resume_watch(kept.watch)
        try:
            yield
        finally:
            end_watch(kept.watch)
            kept.state.capture()
            self.leave(block)


_scopes: dict[str, tuple[int, float, RequestScope]] = {}
"""By the Host header as sent: the registry's generation, until when it is valid (`time.monotonic`), the scope."""


def cached_scope(request: HttpRequest) -> RequestScope | None:
    """Return the scope of a host that was resolved before, and mark the request with it; None: resolve it."""
    if request.META.get("RAW_URI", "/")[:1] != "/" or request.META.get("REQUEST_URI", "/")[:1] != "/":
        return None  # an absolute URL names a host besides the header
    cached = _scopes.get(request._get_raw_host())  # type: ignore[attr-defined]
    if cached is None or cached[0] != registry.generation or cached[1] < time.monotonic():
        return None
    scope = cached[2]
    scope.mark(request)
    return scope


def new_scope(request: HttpRequest, host: str, resolution: Resolution, generation: int) -> RequestScope:
    """Return the scope of a resolved request and mark the request with it.

    `generation`: the registry's, from before the host was resolved.
    """
    tenant = cast(TenantInfo, resolution.tenant)
    tenant = tenant.within_limits(tenancy().limits_of(tenant))
    urlconf = None if tenant.is_platform else urlconf_of(tenant.variant)
    script_name = set_script_name(request, tenant, resolution.prefix) if resolution.prefix else ""
    scope = RequestScope(tenant, script_name, urlconf)
    scope.mark(request)
    _cache(request, host, resolution, generation, scope)
    return scope


def _cache(request: HttpRequest, host: str, resolution: Resolution, generation: int, scope: RequestScope) -> None:
    # Only active tenants, and not where paths name tenants.
    if resolution.status is not HostStatus.OPEN or tenancy().path_prefix or not registry.is_listening:
        return
    if until := valid_until(host, request.path_info, resolution):
        if len(_scopes) >= tenancy().registry_size:
            _scopes.clear()
        _scopes[request._get_raw_host()] = (generation, until, scope)  # type: ignore[attr-defined]


on_setting_change(_scopes.clear, "TENANTS", "INSTALLED_APPS", "ALLOWED_HOSTS", "DEBUG", "ROOT_URLCONF")

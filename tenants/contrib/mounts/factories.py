"""Factories of mounted applications, which `TENANTS["MOUNTS"]` names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from asgiref.sync import iscoroutinefunction
from django.utils.module_loading import import_string

from tenants.context import MountPoint, TenantInfo
from tenants.contrib.mounts.asgi import AsgiApplication
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.request import MountedResponse, MountRequest
from tenants.contrib.mounts.wsgi import WsgiApplication
from tenants.errors import ConfigurationError


class Application(Protocol):
    """A mounted application of one tenant, WSGI or ASGI."""

    @property
    def is_alive(self) -> bool:
        """Whether it can still answer."""

    def answer(self, request: MountRequest) -> MountedResponse:
        """Return its response, whose body is read when the server asks for it."""

    def close(self) -> None:
        """Release its resources."""


def factory_of(name: str) -> Callable[..., Any]:
    """Return the factory of that name; raise `ConfigurationError` if the settings have none."""
    path = mount_settings().mounts.get(name)
    if path is None:
        known = ", ".join(sorted(mount_settings().mounts)) or "none"
        raise ConfigurationError(f"Unknown mount {name!r}. TENANTS['MOUNTS'] names: {known}.")
    try:
        factory: Callable[..., Any] = import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"TENANTS['MOUNTS'][{name!r}] = {path!r} cannot be imported: {error}") from error
    return factory


def check_options(name: str, options: dict[str, Any]) -> None:
    """Raise `ConfigurationError` unless the factory accepts these options as keyword arguments."""
    factory = factory_of(name)
    try:
        inspect.signature(factory).bind(object(), **options)
    except TypeError as error:
        raise ConfigurationError(f"Invalid options for {name!r}, {factory.__name__}(): {error}.") from error


def build(tenant: TenantInfo, point: MountPoint) -> Application | None:
    """Call the factory of a mount; None: the project itself answers for this tenant."""
    application = factory_of(point.app)(tenant, **point.settings)
    if application is None:
        return None
    if not callable(application):
        raise ConfigurationError(f"The factory of {point.app!r} returned {application!r}. Return an application.")
    if not is_asgi(application):
        return WsgiApplication(application)
    asgi = AsgiApplication(application, tenant)
    asgi.start()
    return asgi


def is_asgi(application: Any) -> bool:
    """Tell an ASGI application from a WSGI one: calling it returns a coroutine."""
    return iscoroutinefunction(application) or iscoroutinefunction(getattr(application, "__call__", None))  # noqa: B004

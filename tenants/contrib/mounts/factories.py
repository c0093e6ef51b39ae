"""From a name in `TENANTS["MOUNTS"]` to an application that answers Django's requests."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from asgiref.sync import iscoroutinefunction
from django.utils.module_loading import import_string

from tenants.context import MountPoint, TenantInfo
from tenants.contrib.mounts.asgi import AsgiApplication
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.request import MountedResponse, Visit
from tenants.contrib.mounts.wsgi import WsgiApplication
from tenants.errors import ConfigurationError


class Application(Protocol):
    """What was built for one tenant, whatever its interface."""

    @property
    def is_alive(self) -> bool:
        """Whether it can answer."""

    def answer(self, visit: Visit) -> MountedResponse:
        """Return its answer to a request; the body is made when the server asks for it."""

    def close(self) -> None:
        """Let it put its things away."""


def factory_of(name: str) -> Callable[..., Any]:
    """Return the factory of that name; raise `ConfigurationError` if it is not there."""
    path = mount_settings().mounts.get(name)
    if path is None:
        known = ", ".join(sorted(mount_settings().mounts)) or "no factory at all"
        raise ConfigurationError(f"A tenant has the mount {name!r}, and TENANTS['MOUNTS'] names {known}.")
    try:
        factory: Callable[..., Any] = import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"TENANTS['MOUNTS'][{name!r}] is {path!r}, and cannot be imported: {error}") from error
    return factory


def check_options(name: str, options: dict[str, Any]) -> None:
    """Raise `ConfigurationError` unless the factory takes these options as keyword arguments."""
    factory = factory_of(name)
    try:
        inspect.signature(factory).bind(object(), **options)
    except TypeError as error:
        raise ConfigurationError(
            f"The factory of {name!r}, {factory.__name__}(), does not take that: {error}."
        ) from error


def build(tenant: TenantInfo, point: MountPoint) -> Application | None:
    """Call the factory of a mount; None means that the project itself answers there, for this tenant."""
    made = factory_of(point.app)(tenant, **point.settings)
    if made is None:
        return None
    if not callable(made):
        raise ConfigurationError(f"The factory of {point.app!r} returned {made!r}, which is no application.")
    if not is_asgi(made):
        return WsgiApplication(made)
    application = AsgiApplication(made, tenant)
    application.start()
    return application


def is_asgi(application: Any) -> bool:
    """Tell an ASGI application, which is called and awaited, from one of WSGI."""
    return iscoroutinefunction(application) or iscoroutinefunction(getattr(application, "__call__", None))  # noqa: B004

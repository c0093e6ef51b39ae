"""Optional packages: which extra of the distribution an app of `tenants.contrib` needs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from types import TracebackType

from tenants.errors import ConfigurationError, MissingExtra

_PACKAGES = {
    "accounts": ("unfold", "django_otp", "segno"),
    "admin": ("unfold", "django_otp", "segno", "csp", "ninja", "procrastinate", "multidict"),
    "api": ("ninja",),
    "gateway": ("aiohttp", "joserfc", "prometheus_client", "uvloop"),
    "oauth": (
        "ninja", "oauth2_provider", "joserfc", "cryptography", "csp", "corsheaders", "django_otp", "unfold", "yarl",
        "multidict",
    ),
    "observability": ("multidict",),
    "tasks": ("procrastinate",),
}  # fmt: skip
"""What the code of an extra imports, by the extra."""

_OF_APPS = {
    "tenants.contrib.accounts": "accounts",
    "tenants.contrib.admin": "admin",
    "tenants.contrib.api": "api",
    "tenants.contrib.gateway": "gateway",
    "tenants.contrib.oauth": "oauth",
    "tenants.contrib.tasks": "tasks",
    "tenants.contrib.observability": "observability",
}
"""The extra of each contrib app that needs one to be loaded."""

_OF_PACKAGES = {
    "argon2": "accounts",
    "axes": "accounts",
    "corsheaders": "oauth",
    "csp": "admin",
    "django_otp": "accounts",
    "oauth2_provider": "oauth",
    "procrastinate": "tasks",
    "unfold": "accounts",
}
"""The extra with a package that settings name."""


def require_extra(extra: str, needed_by: str) -> None:
    """Raise `MissingExtra` unless the packages of an extra are installed."""
    for package in _PACKAGES[extra]:
        if not _is_installed(package):
            raise MissingExtra(needed_by, package, extra)


def check_names(setting: str, names: Iterable[str]) -> None:
    """Raise `MissingExtra` for the first dotted path in a setting whose packages are not installed."""
    for name in names:
        needed_by = f"{name} in {setting}"
        app = ".".join(name.split(".")[:3])
        if extra := _OF_APPS.get(app):
            require_extra(extra, needed_by)
        for package in _packages_of(name):
            if not _is_installed(package):
                raise MissingExtra(needed_by, package, _OF_PACKAGES[package])


def _packages_of(name: str) -> Iterator[str]:
    package = name.partition(".")[0]
    if package in _OF_PACKAGES:
        yield package
    if name.endswith(".Argon2PasswordHasher"):
        yield "argon2"


def _is_installed(package: str) -> bool:
    return package in sys.modules or find_spec(package) is not None


def print_as_one_line(error: ConfigurationError) -> None:
    """Have Python print this error without a traceback if it ends the process, or the thread of `runserver`.

    Django loads settings and apps before it looks for the command, so no command can do it.
    """
    of_process, of_thread = sys.excepthook, threading.excepthook

    def process_hook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None, /) -> None:
        if not _printed(error, value):
            of_process(kind, value, traceback)

    def thread_hook(caught: threading.ExceptHookArgs, /) -> None:
        if not _printed(error, caught.exc_value):
            of_thread(caught)

    sys.excepthook, threading.excepthook = process_hook, thread_hook


def _printed(error: ConfigurationError, value: BaseException | None) -> bool:
    if value is not error or "--traceback" in sys.argv:
        return False
    sys.stderr.write(f"{error}\n")
    return True

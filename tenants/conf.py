"""The setting `TENANTS`: frozen, typed and validated values, in a group for the engine and one for each contrib app."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings

from tenants.errors import ConfigurationError, InvalidHost
from tenants.hosts import normalize_host
from tenants.limits import NO_LIMITS, Limits, read_plans
from tenants.names import RESERVED_SLUGS
from tenants.redaction import MASK, SECRET_NAMES, redact_secrets
from tenants.settings_cache import cached_from

if TYPE_CHECKING:
    from tenants.context import TenantInfo

Group = TypeVar("Group")


# --- Reading a group


_readers: dict[Any, Any] = {}


def settings_reader(group: type[Group]) -> Callable[[], Group]:
    """Return a cached function that reads the keys of a dataclass from `TENANTS`; it raises `ConfigurationError`.

    An app names its dataclass in `AppConfig.tenancy_settings`. A field has the name of its key in lower case. The
    function `convert` in its metadata normalizes and validates the value.
    """

    @cached_from("TENANTS", "INSTALLED_APPS")
    def read() -> Group:
        _check_keys()
        given: Mapping[str, Any] = getattr(settings, "TENANTS", {})
        keys = [key for key in fields(cast(Any, group)) if key.name.upper() in given]
        return group(**{key.name: _value(key, given[key.name.upper()]) for key in keys})

    _readers[group] = read
    return read


def groups() -> list[Any]:
    """Return the dataclasses of the engine and of the installed apps."""
    return [TenancySettings, *filter(None, (getattr(app, "tenancy_settings", None) for app in apps.get_app_configs()))]


def check_all_settings() -> None:
    """Read the keys of the engine and of all installed apps; raise `ConfigurationError`."""
    for group in groups():
        _readers[group]()


def _check_keys() -> None:
    if not apps.apps_ready:
        return  # apps that are not loaded yet may have the keys
    known = sorted(key.name.upper() for group in groups() for key in fields(group))
    for key in getattr(settings, "TENANTS", {}):
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
            raise ConfigurationError(
                f"TENANTS has an unknown key: {key!r}. {hint} If an app has the key, add the app to INSTALLED_APPS."
            )


def _value(key: Field[Any], value: Any) -> Any:
    convert = key.metadata.get("convert")
    value = _of_type(key, value)
    return convert(value) if convert else value


def _of_type(key: Field[Any], value: Any) -> Any:
    """Return a value of the type that the default has; a list becomes a tuple."""
    default = key.default if key.default_factory is MISSING else key.default_factory()
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(default, Limits):
        default = {}
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default) or (isinstance(value, tuple) and not all(isinstance(v, str) for v in value)):
        name = key.name.upper()
        kind = "a list of strings" if isinstance(default, tuple) else type(default).__name__
        shown = MASK if SECRET_NAMES.search(name) else redact_secrets(repr(value))
        raise ConfigurationError(f"TENANTS[{name!r}] is {shown}. It takes {kind}.")
    return value


# --- Values of the engine's keys

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TENANT_SCHEMA = re.compile(r"(?:verify_)?t_\d+")


def _origin(origin: str) -> str:
    try:
        parts = urlsplit(origin)
        normalize_host(parts.netloc)
        is_complete = parts.scheme in {"http", "https"} and parts.path in {"", "/"} and parts.port != 0
    except (InvalidHost, ValueError):
        is_complete = False
    if not is_complete:
        raise ConfigurationError(f"TENANTS['ORIGIN'] is {origin!r}. It takes a URL such as 'http://localhost:8000'.")
    return origin.rstrip("/")


def _platform_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(normalize_host(host) for host in hosts)
    except InvalidHost as error:
        raise ConfigurationError(f"TENANTS['PLATFORM_HOSTS'] takes host names: {error}") from error


def _path_prefix(prefix: str) -> str:
    if "/" in prefix.strip("/"):
        raise ConfigurationError(f"TENANTS['PATH_PREFIX'] is {prefix!r}. It takes one segment of a path, such as 't'.")
    return prefix.strip("/")


def _extension_schema(name: str) -> str:
    is_reserved = name in {"public", "information_schema"} or name.startswith("pg_") or _TENANT_SCHEMA.fullmatch(name)
    if is_reserved or not _IDENTIFIER.fullmatch(name):
        raise ConfigurationError(
            f"TENANTS['EXTENSION_SCHEMA'] is {name!r}. It takes the name of a schema only for extensions, such as "
            f"'extensions': lower-case letters, digits and underscores, and neither 'public' nor a tenant's."
        )
    return name


def _when_behind(action: str) -> str:
    if action not in {"serve", "refuse"}:
        raise ConfigurationError(f"TENANTS['WHEN_BEHIND'] is {action!r}. It takes 'serve' or 'refuse'.")
    return action


def _platform_limits(limits: dict[str, Any]) -> Limits:
    return read_plans({"platform": limits})["platform"]


# --- The engine's keys


@dataclass(frozen=True, slots=True, kw_only=True)
class TenancySettings:
    """The engine's keys of `TENANTS`. `docs/settings.md` lists all keys."""

    origin: str = field(default="http://localhost:8000", metadata={"convert": _origin})
    """URL of the platform; a tenant has a subdomain of its host."""
    platform_hosts: tuple[str, ...] = field(default=("127.0.0.1", "[::1]"), metadata={"convert": _platform_hosts})
    """Other hosts of the platform."""
    tenant_urlconf: str = ""
    """URLconf of the tenants' hosts. The platform's is Django's ROOT_URLCONF."""
    path_prefix: str = field(default="", metadata={"convert": _path_prefix})
    """First segment of the path of tenants on the platform's host; empty: they have none there."""
    shared_apps: tuple[str, ...] = ()
    """Apps with tables only in schema `public`."""
    tenant_apps: tuple[str, ...] = ()
    """Apps with tables only in the tenants' schemas."""
    common_apps: tuple[str, ...] = ()
    """Apps with tables in both."""
    variants: str = ""
    """Package whose folders are the variants of tenants; empty: there are none."""
    steps: tuple[str, ...] = ("tenants.lifecycle.owner.create_owner",)
    """Dotted paths of the functions `step(spec)` that set up a new tenant, in order."""
    role_per_tenant: bool = True
    """Whether a tenant's statements run as a PostgreSQL role with rights only on its schema."""
    extension_schema: str = field(default="extensions", metadata={"convert": _extension_schema})
    """Schema of PostgreSQL's extensions, the last in every tenant's search path. `migrate` creates it."""
    reserved_slugs: tuple[str, ...] = ()
    """Slugs that no tenant may have, in addition to `tenants.names.RESERVED_SLUGS`."""
    domain_rules: tuple[str, ...] = ()
    """Dotted paths of functions `rule(domain)` that raise `ValidationError` for a domain that they refuse."""
    when_behind: str = field(default="serve", metadata={"convert": _when_behind})
    """Answer for a tenant with unapplied migrations: `serve`, or `refuse` (503 with Retry-After)."""
    grace_days: int = 30
    """How long a deleted tenant can be restored."""
    backup_dir: str = ""
    """Folder of the backups that operators create and restore in the admin; empty: the admin offers neither."""
    clone_leaves_out: tuple[str, ...] = ("sessions.Session",)
    """Models (`app.Model`) whose rows clones and backups do not have: sessions, tokens, keys."""
    anonymizers: tuple[str, ...] = ()
    """Dotted paths of functions that remove personal data from a clone, in order; the clone is the active tenant."""
    api_versions: tuple[str, ...] = ("v1", "v2")
    """Versions of the tenants' API, the newest last. Each is in the tenants' URLconf, as `api-<version>`."""
    trusted_proxies: int = 0
    """Number of proxies in front of the project that add to X-Forwarded-For; 0: the header is ignored."""
    isolation_probes: tuple[str, ...] = ()
    """Dotted paths of the project's `tenants.testing.probe.Probe` objects, for `check_isolation`."""
    registry_seconds: float = 60.0
    """How long a host stays cached while the process has no LISTEN connection."""
    registry_size: int = 10_000
    """Number of known hosts, and of unknown ones, that a process caches."""
    plans: dict[str, Limits] = field(default_factory=dict, metadata={"convert": read_plans})
    """Limits by the name of a plan; a tenant without a plan has the first."""
    platform_limits: Limits = field(default=NO_LIMITS, metadata={"convert": _platform_limits})
    """Limits of the platform's host, with the keys of a plan."""

    def limits_of(self, tenant: TenantInfo) -> Limits:
        return self.platform_limits if tenant.is_platform else tenant.limits

    def plan(self, name: str) -> Limits:
        """Return the limits of a plan; of the first for an unknown name, and no limits without plans."""
        return self.plans.get(name) or next(iter(self.plans.values()), NO_LIMITS)

    @property
    def base_domain(self) -> str:
        return _host_of(self.origin)

    @property
    def all_reserved_slugs(self) -> frozenset[str]:
        return _all_reserved(self.reserved_slugs)

    def url_of(self, host: str, path: str = "/") -> str:
        """Return the absolute URL of `path` on `host`, with the scheme and the port of the origin."""
        origin = urlsplit(self.origin)
        port = f":{origin.port}" if origin.port else ""
        return f"{origin.scheme}://{host}{port}{path}"


@lru_cache
def _host_of(origin: str) -> str:
    return normalize_host(urlsplit(origin).netloc)


@lru_cache
def _all_reserved(slugs: tuple[str, ...]) -> frozenset[str]:
    return RESERVED_SLUGS.union(slugs)


tenancy = settings_reader(TenancySettings)
"""Returns the engine's settings."""

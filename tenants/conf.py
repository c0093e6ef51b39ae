"""The setting `TENANTS` as one typed, frozen value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import date
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed

from tenants.errors import ConfigurationError, InvalidHost
from tenants.hosts import normalise_host
from tenants.limits import NO_LIMITS, Limits, read_plans
from tenants.names import RESERVED_SLUGS
from tenants.redaction import MASK, SECRET_NAMES, redact_secrets

if TYPE_CHECKING:
    from tenants.context import TenantInfo

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_OF_A_TENANT = re.compile(r"(?:verify_)?t_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TenancySettings:
    """The keys of `TENANTS`, in lower case, with their defaults. `docs/settings.md` lists them."""

    origin: str = "http://localhost:8000"
    """Where the platform answers; a shop answers on a subdomain of its host."""
    platform_hosts: tuple[str, ...] = ("127.0.0.1", "[::1]")
    """Other hosts of the platform, beside the origin's."""
    tenant_urlconf: str = ""
    """The URLconf of tenant hosts. The platform's is Django's ROOT_URLCONF."""
    path_prefix: str = ""
    """First part of the path under which tenants answer on the platform's host as well; empty: they do not."""
    shared_apps: tuple[str, ...] = ()
    """Apps whose tables are in `public` alone."""
    tenant_apps: tuple[str, ...] = ()
    """Apps whose tables are in the tenants' schemas alone."""
    common_apps: tuple[str, ...] = ()
    """Apps whose tables are in both, each with rows of its own."""
    variants: str = ""
    """The package whose folders are the variants that a tenant can have; empty: every tenant has the default."""
    steps: tuple[str, ...] = ("tenants.lifecycle.owner.create_owner",)
    """Functions that furnish a new tenant, in order: dotted paths of `step(tenant, options)`."""
    role_per_tenant: bool = True
    """Whether a tenant's statements run with the rights of a PostgreSQL role of its own."""
    extension_schema: str = "extensions"
    """The schema for PostgreSQL's extensions, the last in every tenant's search path. `migrate` makes it."""
    reserved_slugs: tuple[str, ...] = ()
    """Slugs that no tenant may have, beside those of `tenants.names.RESERVED_SLUGS`."""
    when_behind: str = "serve"
    """What a tenant whose schema is behind the code gets: `serve`, or `refuse`: 503 with Retry-After."""
    grace_days: int = 30
    """How long a deleted tenant can be had back."""
    backup_dir: str = ""
    """The folder with the backups that operators make and restore in the admin; empty: they do neither there."""
    clone_leaves_out: tuple[str, ...] = ("sessions.Session",)
    """Models whose rows stay behind when a tenant is cloned or backed up: what would let somebody in. `app.Model`."""
    anonymisers: tuple[str, ...] = ()
    """Functions that take personal data out of a clone, in order: dotted paths, called with the clone active."""
    api_versions: tuple[str, ...] = ("v1", "v2")
    """The versions of the tenants' API, the newest last. Each is in the tenants' URLconf, as `api-<version>`."""
    api_default_version: str = "v2"
    """The version of a request that asks for none, at a tenant that has not chosen another."""
    api_deprecated: tuple[str, ...] = ()
    """From when on a version is deprecated: `v1=2027-01-01`."""
    api_sunset: tuple[str, ...] = ()
    """From when on a version may be gone: `v1=2028-01-01`."""
    api_usage_seconds: float = 10.0
    """How often a process writes down how much each version was used; 0: it does not count."""
    api_bearers: tuple[str, ...] = ()
    """Functions that tell whose a token of an API is, in order: dotted paths of `bearer(request, token)`."""
    operator_second_factor: bool = False
    """Whether operators have to sign in with a second factor. A shop's staff: `Tenant.staff_second_factor`."""
    operator_minutes: int = 60
    """How long an operator who has entered a shop by a one-time link stays there."""
    trusted_proxies: int = 0
    """How many proxies stand before the project, each of which adds to X-Forwarded-For; 0: that header is ignored."""
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Foreign applications that tenants may have under a path: dotted paths of `create_app(tenant)`, by name."""
    mounts_kept: int = 100
    """How many of them, over all tenants, a process keeps built."""
    mounts_seconds: float = 10.0
    """How long one may take to begin its answer, and be silent within it."""
    isolation_probes: tuple[str, ...] = ()
    """Probes of the project's own for `check_isolation`: dotted paths of `tenants.testing.probe.Probe` objects."""
    registry_seconds: float = 60.0
    """How long a looked-up host is believed when no change of it is heard."""
    registry_size: int = 10_000
    """How many known hosts, and how many unknown ones, a process remembers."""
    plans: dict[str, Limits] = field(default_factory=dict)
    """What one tenant may take of the machine, by name of a plan; a tenant without one has the first."""

    platform_limits: Limits = NO_LIMITS
    """What the platform's own host may take of each process, with the keys of a plan."""
    address_concurrency: int = 0
    """Requests of one client address that a process answers or keeps waiting at once; 0: no limit."""
    most_waiting: int = 0
    """Requests that wait for a place in all tenants' lines together, each with a thread of the server; 0: no limit."""

    most_bodies: int = 0
    """Request bodies that a process receives at once, and holds a thread each for under WSGI; 0: no limit."""

    body_seconds: float = 10.0
    """How long a request body may take to arrive; a large one a second more for each 32 KiB that have come."""

    address_sockets: int = 20
    """WebSockets that one client address has open at once in a process; 0: no limit."""
    tenant_sockets: int = 1_000
    """WebSockets that one tenant has open at once in a process; 0: no limit."""

    def limits_of(self, tenant: TenantInfo) -> Limits:
        """Return what a tenant or the platform may take of this process."""
        return self.platform_limits if tenant.is_platform else tenant.limits

    def plan(self, name: str) -> Limits:
        """Return the limits of a plan; of the first where there is none of that name, and none where there is none."""
        return self.plans.get(name) or next(iter(self.plans.values()), NO_LIMITS)

    service: str = "all"
    """Which of the services this process is; `all`: the single process that needs no gateway."""
    service_report_seconds: float = 2.0
    """How often a process writes down what it has seen of the services that it calls; 0: it does not."""
    otlp_endpoint: str = ""
    """Where spans go, an address that speaks OTLP over HTTP, as `http://127.0.0.1:4318`; empty: nowhere."""
    metrics_token: str = ""
    """What a scraper of metrics has to send as its bearer token; empty: nobody gets them."""
    gateway_limits_times: int = 10
    """How many times what a plan allows in one process, a gateway lets through to all those behind it."""
    gateway_at_once: int = 0
    """The most requests of one tenant that a gateway has in hand at once, if its plan has a limit; 0: as many times."""

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
    return normalise_host(urlsplit(origin).netloc)


@lru_cache
def _all_reserved(slugs: tuple[str, ...]) -> frozenset[str]:
    return RESERVED_SLUGS.union(slugs)


@cache
def tenancy() -> TenancySettings:
    """Return the settings of the tenancy engine; raise `ConfigurationError` for a key that it does not know."""
    given: dict[str, Any] = getattr(settings, "TENANTS", {})
    known = {key.name.upper(): key for key in fields(TenancySettings)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" It takes {', '.join(sorted(known))}."
            raise ConfigurationError(f"TENANTS has the key {key!r}, which it does not know.{hint}")
        values[key.lower()] = _READERS.get(key, lambda value: value)(_typed(key, value, _default_of(known[key])))
    if values.get("when_behind", "serve") not in {"serve", "refuse"}:
        raise ConfigurationError(f"TENANTS['WHEN_BEHIND'] is {values['when_behind']!r}; it takes 'serve' or 'refuse'.")
    config = TenancySettings(**values)
    _check_api_versions(config)
    return config


def _check_api_versions(config: TenancySettings) -> None:
    known = ", ".join(config.api_versions)
    if config.api_default_version not in config.api_versions:
        raise ConfigurationError(
            f"TENANTS['API_DEFAULT_VERSION'] is {config.api_default_version!r}; it takes one of {known}."
        )
    for key, entries in (("API_DEPRECATED", config.api_deprecated), ("API_SUNSET", config.api_sunset)):
        for entry in entries:
            version, _, day = entry.partition("=")
            if version not in config.api_versions or not _is_date(day):
                raise ConfigurationError(
                    f"TENANTS[{key!r}] has {entry!r}. It takes entries such as 'v1=2027-01-31', of {known}."
                )


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _default_of(key: Field[Any]) -> Any:
    return key.default if key.default_factory is MISSING else key.default_factory()


def _typed(key: str, value: Any, default: Any) -> Any:
    """Return `value` if it is of its default's type, a list being as good as a tuple."""
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(default, Limits):
        default = {}
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default) or (isinstance(value, tuple) and not all(isinstance(v, str) for v in value)):
        kind = "a list of strings" if isinstance(default, tuple) else type(default).__name__
        shown = MASK if SECRET_NAMES.search(key) else redact_secrets(repr(value))
        raise ConfigurationError(f"TENANTS[{key!r}] is {shown}. It takes {kind}.")
    return value


def _origin(origin: str) -> str:
    try:
        parts = urlsplit(origin)
        normalise_host(parts.netloc)
        complete = parts.scheme in {"http", "https"} and parts.path in {"", "/"} and parts.port != 0
    except (InvalidHost, ValueError):
        complete = False
    if not complete:
        raise ConfigurationError(
            f"TENANTS['ORIGIN'] is {origin!r}. It takes an address such as 'http://localhost:8000'."
        )
    return origin.rstrip("/")


def _platform_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(normalise_host(host) for host in hosts)
    except InvalidHost as error:
        raise ConfigurationError(f"TENANTS['PLATFORM_HOSTS'] takes host names: {error}") from error


def _path_prefix(prefix: str) -> str:
    if "/" in prefix.strip("/"):
        raise ConfigurationError(f"TENANTS['PATH_PREFIX'] is {prefix!r}. It takes one part of a path, such as 't'.")
    return prefix.strip("/")


def _extension_schema(name: str) -> str:
    is_taken = name in {"public", "information_schema"} or name.startswith("pg_") or _OF_A_TENANT.fullmatch(name)
    if is_taken or not _PLAIN_NAME.fullmatch(name):
        raise ConfigurationError(
            f"TENANTS['EXTENSION_SCHEMA'] is {name!r}. It takes the name of a schema for extensions alone, such as "
            f"'extensions': lower-case letters, digits and underscores, and neither 'public' nor a tenant's."
        )
    return name


def _mounts(mounts: dict[Any, Any]) -> dict[str, str]:
    if not all(isinstance(text, str) for pair in mounts.items() for text in pair):
        raise ConfigurationError(f"TENANTS['MOUNTS'] is {mounts!r}. It takes names with dotted paths of factories.")
    return mounts


_READERS: dict[str, Callable[[Any], Any]] = {
    "ORIGIN": _origin,
    "PLATFORM_HOSTS": _platform_hosts,
    "PATH_PREFIX": _path_prefix,
    "PLANS": read_plans,
    "PLATFORM_LIMITS": lambda limits: read_plans({"platform": limits})["platform"],
    "MOUNTS": _mounts,
    "EXTENSION_SCHEMA": _extension_schema,
}
"""What brings a value to its one spelling, and refuses what has none."""


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        tenancy.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.conf")

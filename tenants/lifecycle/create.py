"""Creation of a tenant: rows, schema, role, tables and setup steps in one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, cast
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.utils.module_loading import import_string

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import ConfigurationError, InvalidOption, TenantExists
from tenants.lifecycle import audit
from tenants.lifecycle.domains import attach_domain
from tenants.lifecycle.users import find_owner, has_users
from tenants.migrator.apply import migrate_tenant
from tenants.models import Tenant
from tenants.names import role_name, validate_slug
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.tenant_info import info_of
from tenants.variants.discovery import check_known

NAME_MAX_LENGTH: int = Tenant._meta.get_field("name").max_length or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSpec:
    """Options of a new tenant. Each setup step gets them too."""

    slug: str
    name: str = ""
    """Default: the slug."""
    owner_email: str = ""
    """The first user of the tenant, a superuser; empty: none is created."""
    owner_password: str | None = field(default=None, repr=False)
    """None: the owner sets it with a link (`tenants.lifecycle.owner.setup_link`)."""
    owner_fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Other fields of the owner's account, for a User model that requires them."""
    domain: str = ""
    """The primary domain; empty: the subdomain."""
    variant: str = "default"
    language: str = "en"
    currency: str = "KRW"
    time_zone: str = "Asia/Seoul"
    api_version: str = ""
    """The version for requests that name none; empty: the project's default."""
    staff_second_factor: bool = False
    """Whether staff need a second factor to sign in."""


def create_tenant(spec: TenantSpec) -> TenantInfo:
    """Create a tenant and return it; on any error, all of it is rolled back.

    Raises `InvalidName`, `InvalidOption`, `InvalidHost`, `UnknownVariant`, `TenantExists`, `DomainTaken`,
    `SchemaExists`, `ConfigurationError`, or what a step raises.
    """
    validate_spec(spec)
    check_known(spec.variant)
    validate_slug(spec.slug, reserved=tenancy().all_reserved_slugs)
    steps = _steps()
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = insert_tenant(spec)
        schemas.create_schema(tenant)
        if tenant.role:
            schemas.grant_to_role(tenant)
        migrate_tenant(tenant, is_empty=True)
        with use_tenant(tenant):
            for step in steps:
                step(spec)
            _check_owner(spec)
        audit.record("create", tenant, domain=spec.domain)
    return tenant


def validate_spec(spec: TenantSpec) -> None:
    """Raise `InvalidOption` for values that would break the tenant's requests later."""
    languages = [code for code, _ in settings.LANGUAGES]
    if spec.language not in languages:
        raise InvalidOption("language", spec.language, f"one of {', '.join(languages)}")
    if len(spec.name) > NAME_MAX_LENGTH:
        raise InvalidOption("name", spec.name, f"one of at most {NAME_MAX_LENGTH} characters")
    if spec.owner_email:
        _validate_email(spec.owner_email)
    if not re.fullmatch(r"[A-Z]{3}", spec.currency):
        raise InvalidOption("currency", spec.currency, "three capital letters, as ISO 4217 has them: KRW")
    if spec.time_zone not in time_zones():
        raise InvalidOption("time_zone", spec.time_zone, "a name of the time zone database: Asia/Seoul")
    versions = tenancy().api_versions
    if spec.api_version and spec.api_version not in versions:
        raise InvalidOption("api_version", spec.api_version, f"one of {', '.join(versions)}")


def _validate_email(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvalidOption("owner_email", address, "an e-mail address: owner@shop.example") from error


@cache
def time_zones() -> set[str]:
    """Return the names of the time zone database, which Python reads from hundreds of files."""
    return available_timezones()


def insert_tenant(spec: TenantSpec) -> TenantInfo:
    """Insert the rows of a new tenant in the current transaction of the control plane; raise `TenantExists`."""
    if Tenant.objects.filter(slug=spec.slug).exists():
        raise TenantExists(spec.slug)
    try:
        tenant = Tenant.objects.create(
            slug=spec.slug,
            name=spec.name or spec.slug,
            variant=spec.variant,
            language=spec.language,
            currency=spec.currency,
            time_zone=spec.time_zone,
            api_version=spec.api_version,
            staff_second_factor=spec.staff_second_factor,
        )
    except IntegrityError as error:  # a concurrent transaction was faster
        raise TenantExists(spec.slug) from error
    if spec.domain:
        attach_domain(tenant, spec.domain, primary=True)
    tenant.role = role_name(_database_name(connection.settings_dict["NAME"]), tenant.pk)
    tenant.save(update_fields=["role"])
    return info_of(tenant, has_related=bool(spec.domain))


@lru_cache(maxsize=16)
def _database_name(configured: str) -> str:
    """Return the server's name of the database; behind a pooler it may differ from the configured one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


def _steps() -> list[Callable[[TenantSpec], None]]:
    """Return the functions in `TENANTS["STEPS"]`; raise `ConfigurationError`."""
    return [_step(path) for path in tenancy().steps]


def _step(path: str) -> Callable[[TenantSpec], None]:
    try:
        found = import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"TENANTS['STEPS'] names {path!r}, which cannot be imported: {error}") from error
    if not callable(found):
        raise ConfigurationError(
            f"TENANTS['STEPS'] names {path!r}, which is not callable. It takes functions step(spec)."
        )
    return cast("Callable[[TenantSpec], None]", found)


def _check_owner(spec: TenantSpec) -> None:
    """Raise `ConfigurationError` if the spec has an owner that no step has created in the active tenant."""
    if not spec.owner_email:
        return
    if not has_users():
        return  # a step has created the owner elsewhere, or refused
    found = find_owner(spec.owner_email)
    if found is None:
        raise ConfigurationError(
            f"No step in TENANTS['STEPS'] has created the owner {spec.owner_email!r}. Add "
            f"'tenants.lifecycle.owner.create_owner' to it, or leave the owner out."
        )
    if spec.owner_password is not None and not found.has_usable_password():
        raise ConfigurationError(
            f"The owner {spec.owner_email!r} has no password, although one was given. Use spec.owner_password in the "
            f"step of TENANTS['STEPS'] that creates the owner."
        )

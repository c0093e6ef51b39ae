"""Opening a tenant: rows, schema, role, tables and furnishing in one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, cast
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.module_loading import import_string

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import ConfigurationError, InvalidOption, TenantExists
from tenants.lifecycle import audit
from tenants.lifecycle.domains import attach_domain
from tenants.migrator.apply import migrate_tenant
from tenants.models import Tenant
from tenants.names import role_name, validate_slug
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.tenant_info import info_of
from tenants.variants.discovery import check_known

NAME_MAX_LENGTH: int = Tenant._meta.get_field("name").max_length or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """What is asked for when a tenant is opened. The steps that furnish it get this too."""

    slug: str
    name: str = ""
    """How it is called; empty: the slug."""
    owner_email: str = ""
    """The first user of the tenant, with all rights in it; empty: none is made."""
    owner_password: str | None = field(default=None, repr=False)
    """None: the owner sets it through a set-up link (`tenants.lifecycle.owner.setup_link`)."""
    domain: str = ""
    """A host name of its own, which becomes the primary one; empty: its subdomain alone."""
    variant: str = "default"
    language: str = "en"
    currency: str = "KRW"
    time_zone: str = "Asia/Seoul"
    api_version: str = ""
    """Of its API, for requests that ask for none; empty: the project's default."""
    staff_second_factor: bool = False
    """Whether its staff have to sign in with a second factor."""


def create_tenant(order: NewTenant) -> TenantInfo:
    """Open a tenant and return it; on any error nothing of it is left.

    Raises `InvalidName`, `InvalidOption`, `InvalidHost`, `UnknownVariant`, `TenantExists`, `DomainTaken`,
    `SchemaExists`, `ConfigurationError`, or what a step raises.
    """
    validate_slug(order.slug, reserved=tenancy().all_reserved_slugs)
    check_known(order.variant)
    validate_facts(order)
    steps = _steps()
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = insert_tenant(order)
        schemas.create_schema(tenant)
        if tenant.role:
            schemas.grant_to_role(tenant)
        migrate_tenant(tenant, is_new=True)
        for step in steps:
            with use_tenant(tenant):
                step(order)
        _check_owner(order, tenant)
        audit.record("create", tenant, domain=order.domain)
    return tenant


def validate_facts(order: NewTenant) -> None:
    """Refuse what would break every request of the tenant later: raise `InvalidOption`."""
    languages = [code for code, _ in settings.LANGUAGES]
    if order.language not in languages:
        raise InvalidOption("language", order.language, f"one of {', '.join(languages)}")
    if len(order.name) > NAME_MAX_LENGTH:
        raise InvalidOption("name", order.name, f"one of at most {NAME_MAX_LENGTH} characters")
    if order.owner_email:
        _validate_email(order.owner_email)
    if not re.fullmatch(r"[A-Z]{3}", order.currency):
        raise InvalidOption("currency", order.currency, "three capital letters, as ISO 4217 has them: KRW")
    if order.time_zone not in time_zones():
        raise InvalidOption("time_zone", order.time_zone, "a name of the time zone database: Asia/Seoul")
    versions = tenancy().api_versions
    if order.api_version and order.api_version not in versions:
        raise InvalidOption("api_version", order.api_version, f"one of {', '.join(versions)}")


def _validate_email(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvalidOption("owner_email", address, "an e-mail address: owner@shop.example") from error


@cache
def time_zones() -> set[str]:
    """Return the names of the time zone database, which Python looks for in hundreds of files each time."""
    return available_timezones()


def insert_tenant(order: NewTenant) -> TenantInfo:
    """Insert the rows of a new tenant, in the control plane's transaction at hand; raise `TenantExists`."""
    if Tenant.objects.filter(slug=order.slug).exists():
        raise TenantExists(order.slug)
    tenant = Tenant(
        slug=order.slug,
        name=order.name or order.slug,
        variant=order.variant,
        language=order.language,
        currency=order.currency,
        time_zone=order.time_zone,
        api_version=order.api_version,
        staff_second_factor=order.staff_second_factor,
    )
    try:
        tenant.save()
    except IntegrityError as error:  # somebody was quicker
        raise TenantExists(order.slug) from error
    tenant.role = role_name(_database_name(connection.settings_dict["NAME"]), tenant.pk)
    tenant.save(update_fields=["role"])
    if order.domain:
        attach_domain(tenant, order.domain, primary=True)
    return info_of(tenant, is_new=not order.domain)


@lru_cache(maxsize=16)
def _database_name(ours: str) -> str:
    """Return the name that the server knows the database by; through a pooler it may be another than `ours`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


def _steps() -> list[Callable[[NewTenant], None]]:
    """Return the functions that `STEPS` names; raise `ConfigurationError` before anything is done."""
    return [_step(path) for path in tenancy().steps]


def _step(path: str) -> Callable[[NewTenant], None]:
    try:
        found = import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"TENANTS['STEPS'] names {path!r}, which cannot be imported: {error}") from error
    if not callable(found):
        raise ConfigurationError(f"TENANTS['STEPS'] names {path!r}, which is no function of step(order).")
    return cast("Callable[[NewTenant], None]", found)


def _check_owner(order: NewTenant, tenant: TenantInfo) -> None:
    """Raise `ConfigurationError` if an owner was asked for, and no step has made one."""
    if not order.owner_email:
        return
    users: Any = get_user_model()
    names = {users.USERNAME_FIELD: order.owner_email, users.get_email_field_name(): order.owner_email}
    known = {field.name for field in users._meta.get_fields()}
    is_owner = Q(*((name, value) for name, value in names.items() if name in known), _connector=Q.OR)
    with use_tenant(tenant):
        found = users._default_manager.filter(is_owner).first()
    if found is None:
        raise ConfigurationError(
            f"No step in TENANTS['STEPS'] made the owner {order.owner_email!r}. Add "
            f"'tenants.lifecycle.owner.create_owner' to it, or leave the owner out."
        )
    if order.owner_password is not None and not found.has_usable_password():
        raise ConfigurationError(
            f"The owner {order.owner_email!r} has no password, although one was given: the step in TENANTS['STEPS'] "
            f"that makes the owner has to use order.owner_password."
        )

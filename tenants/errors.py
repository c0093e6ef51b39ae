"""Errors that the engine raises: one tree, seven groups.

TenancyError
├── ConfigurationError          settings that cannot work (also Django's ImproperlyConfigured)
│   └── MissingExtra            an optional package that settings or a command need is not installed
├── InvalidValue
│   ├── InvalidName             a slug that cannot name a tenant
│   ├── InvalidHost             not a host name
│   ├── InvalidOption           an unknown time zone, currency …
│   ├── InvalidMappingFile      a file with values for a variant's rows
│   └── InvalidBackup           a file that no tenant can be restored from
├── ContextError
│   ├── NoActiveTenant          the database was queried while no tenant was active
│   ├── WrongSchema             a model was used where it has no table
│   └── WrongTenant             a record of one tenant was used in another
├── VariantError
│   ├── UnknownVariant          the code has no such variant
│   ├── InvalidVariant          a variant overrides something that does not exist, or that it cannot replace
│   └── VariantLookupError      no default has the name that is resolved (also a LookupError)
├── TenantError
│   ├── TenantNotFound          no such tenant, or not with the status that it needs
│   ├── TenantExists            the slug is taken
│   ├── DomainTaken             the domain is taken
│   ├── SchemaExists            PostgreSQL already has that schema
│   ├── TenantChanged           a tenant was renamed or signed out since it was to be replaced
│   ├── TenantLocked            another run holds the tenant's lock
│   ├── LockTimeout             other sessions held a lock on a tenant's table for too long
│   └── AdoptionRefused         existing schemas that cannot become tenants as they are
├── SchemaError
│   ├── MigrationFailed         a tenant's migrations failed and were rolled back
│   ├── MigrationRunFailed      a run over many tenants did not migrate all of them
│   ├── SchemaOutdated          a schema is behind the code
│   ├── TenantAhead             a newer release has migrated a schema
│   ├── SchemaDrift             a schema has other tables or columns than its migrations make
│   └── ExtensionRefused        a PostgreSQL extension is missing, or not where tenants find it
└── OperationError
    ├── OperationFailed         a clone, backup or restore failed and was rolled back
    ├── ProgramFailed           a PostgreSQL program is missing, too old, or failed
    └── DatabaseUnavailable     the database server could not be started or found

Contrib apps add theirs in `errors.py` of their own. Messages say what failed, the fact, and the next step. The facts
are attributes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, dataclass_transform

from django.core.exceptions import ImproperlyConfigured


@dataclass_transform(eq_default=False)
class TenancyError(Exception):
    """Base of all errors of the engine. A subclass that annotates facts takes them as arguments, in that order."""

    message: ClassVar[str] = ""
    """Text with the facts in braces, as for `str.format`."""

    def __str__(self) -> str:
        return self.message.format_map(vars(self)) if self.message else super().__str__()

    def __init_subclass__(cls) -> None:
        if "__annotations__" in cls.__dict__:
            dataclass(eq=False, repr=False)(cls)

    def __reduce__(self) -> Any:
        if not is_dataclass(self):
            return super().__reduce__()
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


class ConfigurationError(TenancyError, ImproperlyConfigured):
    """Settings that cannot work. The message names the setting and what it takes."""


class MissingExtra(ConfigurationError):
    """An optional package that settings or a command need is not installed."""

    needed_by: str
    package: str
    """The name that is imported."""
    extra: str
    """The extra of the distribution that installs it."""

    message = (
        '{needed_by} failed: the package {package} is not installed. Run: pip install "sangga[{extra}]" (tenants.E031)'
    )


# --- Invalid values


class InvalidValue(TenancyError):
    """A value from outside that cannot be used."""


class InvalidName(InvalidValue):
    """A slug that cannot name a tenant."""

    slug: str
    reason: str

    def __str__(self) -> str:
        return f"{self.slug[:80]!r} cannot name a tenant: {self.reason}"


class InvalidHost(InvalidValue):
    """Not a host name."""

    host: str
    reason: str

    def __str__(self) -> str:
        return f"{self.host[:80]!r} is not a usable host name: {self.reason}"


class InvalidOption(InvalidValue):
    """An invalid value of a tenant's option, such as an unknown time zone."""

    option: str
    value: str
    takes: str

    def __str__(self) -> str:
        return f"{self.value[:80]!r} is not a valid {self.option.replace('_', ' ')}: give {self.takes}."


class InvalidMappingFile(InvalidValue):
    """A file with values for a variant's rows that cannot be used. Nothing was changed."""

    file: str
    problems: list[str]

    def __str__(self) -> str:
        return f"{self.file} cannot be used, and nothing was changed: {' '.join(self.problems)}"


class InvalidBackup(InvalidValue):
    """A file that no tenant can be restored from."""

    file: str
    reason: str

    message = "{file} cannot be restored: {reason}"


# --- The active tenant


class ContextError(TenancyError):
    """The active tenant is not the one that the code needs."""


class NoActiveTenant(ContextError):
    """The database was queried while no tenant was active."""

    subject: str = "A query"

    message = (
        "{subject} needs an active tenant, and none is. In code, wrap the call in `with use_tenant(tenant):` "
        "(`PLATFORM` for the control plane). In the shell, `manage.py run_in_tenant SLUG -- COMMAND` "
        "(`--platform` for the control plane)."
    )


class WrongSchema(ContextError):
    """A model was used where it has no table."""

    model: str
    lives_in: str
    active: str

    message = (
        "{model} lives in {lives_in}, but the active tenant is {active}. Wrap the call in the right `use_tenant(…)`."
    )


class WrongTenant(ContextError):
    """A record of one tenant was used in another."""

    record: str
    schema: str
    active: str

    message = (
        "{record} belongs to schema {schema}, but the active tenant is {active}. "
        "Work with a record inside the `use_tenant(…)` in which it was read; pass plain values on to another. "
        "(A queryset in a class body belongs to the tenant that is active when its module is imported: import "
        "it while no tenant is active.)"
    )


# --- Variants


class VariantError(TenancyError):
    """A variant of tenants that does not exist or does not fit."""


class UnknownVariant(VariantError):
    """The code has no such variant."""

    variant: str
    known: list[str]

    def __str__(self) -> str:
        return (
            f"This code has no variant {self.variant!r}. It has {', '.join(self.known)}. Deploy code that has it, or "
            f"give the tenant another: `manage.py set_variant SLUG {self.known[0]}`."
        )


class InvalidVariant(VariantError):
    """A variant overrides something that does not exist, or that it cannot replace."""

    variant: str
    problems: list[str]

    def __str__(self) -> str:
        return f"The variant {self.variant!r} is invalid. {' '.join(self.problems)}"


class VariantLookupError(VariantError, LookupError):
    """No default has the name that is resolved."""

    name: str
    reason: str

    message = "{name!r} cannot be resolved: {reason}."


# --- Tenants


class TenantError(TenancyError):
    """An operation is not possible in the tenant's current state."""


class TenantNotFound(TenantError):
    """No such tenant, or none with the status that the operation needs."""

    slug: str | int
    """As given: a slug, or an id."""
    status: str = ""
    """Status of the tenant that has the slug; empty: no tenant has it."""

    def __str__(self) -> str:
        name = f"{self.slug!r}" if isinstance(self.slug, str) else f"id {self.slug}"
        match self.status:
            case "":
                return f"Unknown tenant: {name}. `manage.py list_tenants` shows all."
            case "brought back":
                return f"Nothing was purged: the deletion of tenant {name} was undone in the meantime."
            case "deleted":
                return f"Tenant {name} is deleted. To restore it, run: manage.py undelete_tenant {self.slug}"
            case "purging":
                return (
                    f"The purge of tenant {name} has begun and cannot be undone. "
                    f"To finish it, run: manage.py purge_tenants {self.slug} --yes"
                )
        return (
            f"Tenant {name} is {self.status}, and this needs a deleted one. "
            f"To delete it, run: manage.py delete_tenant {self.slug} {self.slug}"
        )


class TenantExists(TenantError):
    """The slug is taken."""

    slug: str

    message = "Tenant {slug!r} already exists. Choose another slug."


class DomainTaken(TenantError):
    """The domain is taken."""

    host: str

    message = "The domain {host!r} already belongs to a tenant. Choose another, or remove it there first."


class SchemaExists(TenantError):
    """PostgreSQL already has that schema. An existing schema is never taken over."""

    schema: str

    message = (
        "Schema {schema!r} already exists, but no tenant owns it. Inspect it, then rename or drop it and try again."
    )


class TenantChanged(TenantError):
    """A tenant was renamed, or all its users were signed out, since it was to be replaced. Nothing was changed."""

    slug: str

    message = (
        "Tenant {slug!r} was renamed, or all its users were signed out, after this was requested. Nothing "
        "was changed. Check the tenant, then try again."
    )


class TenantLocked(TenantError):
    """Another run, on this or another machine, holds the tenant's lock."""

    slug: str

    message = "Tenant {slug!r} is locked by another run. Try again later."


class LockTimeout(TenantError):
    """Other sessions held a lock on one of a tenant's tables for too long. Nothing was changed."""

    slug: str
    table: str
    seconds: float

    message = (
        "Lock timeout: other sessions held table {table!r} of tenant {slug!r} for {seconds} "
        "seconds. Nothing was changed. Look in pg_stat_activity for a transaction that stays open; or try again "
        "at a quieter time, or with a longer `--lock-timeout`."
    )


class AdoptionRefused(TenantError):
    """Existing schemas cannot become tenants as they are. Nothing was changed."""

    what: str
    next_step: str

    def __str__(self) -> str:
        return f"Adopting schemas failed, nothing was changed: {self.what}. {self.next_step}"


# --- Schemas and their migrations


class SchemaError(TenancyError):
    """A tenant's schema is not as the code needs it."""


class MigrationFailed(SchemaError):
    """A tenant's migrations failed. Its schema is unchanged."""

    slug: str
    cause: str

    def __str__(self) -> str:
        return (
            f"Migration failed for tenant {self.slug!r}: {self.cause.strip()} The schema is unchanged. "
            f"Fix the cause, then run `manage.py migrate_tenants --tenant {self.slug}`."
        )


class MigrationRunFailed(SchemaError):
    """A run over many tenants did not migrate all of them."""

    failed: list[str]
    not_begun: int = 0
    locked: int = 0

    def __str__(self) -> str:
        parts = []
        if self.failed:
            shown = ", ".join(self.failed[:10]) + (" …" if len(self.failed) > 10 else "")
            parts.append(f"Migration failed for {len(self.failed)} tenants, whose schemas are unchanged: {shown}.")
        if self.not_begun:
            parts.append(f"{self.not_begun} were not started.")
        if self.locked:
            parts.append(f"{self.locked} are locked by another run.")
        return f"{' '.join(parts)} Fix the cause, then migrate again those that are behind."


class SchemaOutdated(SchemaError):
    """A tenant's schema is behind the code, and the operation needs it to be up to date."""

    slug: str

    message = (
        "The schema of tenant {slug!r} is behind the code. "
        "Run `manage.py migrate_tenants --tenant {slug}`, then try again."
    )


class TenantAhead(SchemaError):
    """A newer release of the code has migrated a tenant's schema. Nothing was changed."""

    slug: str
    unknown: list[str]

    def __str__(self) -> str:
        names = ", ".join(self.unknown[:5]) + (" …" if len(self.unknown) > 5 else "")
        return (
            f"The schema of tenant {self.slug!r} is newer than this code, which has no migration {names}. Nothing was "
            f"changed. Run this with the newer release."
        )


class SchemaDrift(SchemaError):
    """A tenant's schema has other tables or columns than its migrations make."""

    slug: str
    what: str

    message = (
        "The schema of tenant {slug!r} differs from what its migrations make: {what}. "
        "`manage.py verify_tenants --tenant {slug}` lists every difference; fix them, then try again."
    )


class ExtensionRefused(SchemaError):
    """A PostgreSQL extension that is missing, or is where a tenant cannot use it."""

    extension: str
    what: str
    next_step: str

    message = "The extension {extension!r} {what}. {next_step}"


# --- Operations


class OperationError(TenancyError):
    """An action on a tenant failed."""


class OperationFailed(OperationError):
    """A clone, backup or restore failed and was rolled back."""

    operation: str
    cause: str

    def __str__(self) -> str:
        return f"{self.operation} failed and was rolled back: {self.cause.strip()}"


class ProgramFailed(OperationError):
    """A PostgreSQL program is missing, too old, or failed."""

    program: str
    cause: str

    def __str__(self) -> str:
        return f"PostgreSQL's program {self.program} {self.cause.strip()}"


class DatabaseUnavailable(OperationError):
    """The database server could not be started or found."""


def in_one_line(error: BaseException) -> str:
    """Return the type of an error and its message, without the position in the statement that PostgreSQL quotes."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line not in {"", "^"} and not re.match(r"LINE \d+:", line)]
    return f"{type(error).__name__}: {' '.join(said)}".strip(": ")

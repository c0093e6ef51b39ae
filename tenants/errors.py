"""Every error that the tenancy engine raises on its own account, drawn as one tree.

TenancyError
├── ConfigurationError        settings that cannot work (also Django's ImproperlyConfigured)
├── InvalidName               a slug that cannot name a tenant
├── InvalidHost               a host that is no host name
├── InvalidOption             a fact about a tenant that cannot be, as a time zone that there is not
├── TenantExists              the slug is taken
├── DomainTaken               the domain is taken
├── SchemaExists              PostgreSQL already has that schema; it is never adopted
├── TenantNotFound            no such tenant, or not with the status that the step is for
├── UnknownVariant            the code has no such variant
├── InvalidVariant             a variant replaces something that is not there, or cannot take its place
├── VariantLookupError          no default has the name that is resolved (also a LookupError)
├── NoActiveTenant            the database was asked for while no tenant was active
├── WrongSchema                a model was used on the side on which it has no table
├── WrongTenant               a record of one tenant was used in another
├── MigrationFailed           a tenant's migrations stopped, and left it as it was
├── TenantLocked            another run has the tenant in hand
├── LockTimeout               others had a tenant's tables in use for as long as a step waits for them
├── SchemaOutdated              a tenant's schema is not where the code is, as the step needs it to be
├── ExtensionRefused          an extension of PostgreSQL that is missing, or where a tenant cannot use it
├── TenantAhead               a newer release has migrated a tenant's schema, and this code does not know how
├── TenantChanged             a tenant was renamed, or all were signed out of it, since it was to be replaced
├── OperatorAccountRefused    an account in a shop that stands for an operator was to be written
├── InvalidMappingFile            a file that says what a variant's rows begin with, and cannot be taken
├── SchemaDrift             a tenant's schema has other tables or columns than its migrations make
├── StepFailed                a clone, backup or restore stopped, and nothing of it is left
├── ProgramFailed             one of PostgreSQL's programs is missing, too old, or stopped with an error
├── InvalidBackup             a file that no tenant is restored from
├── InvalidToken              a token or key of the API that opens nothing here
├── HashingBusy               as many passwords are being checked as may be at once
├── MountFailed               an application mounted in a tenant could not be built
├── MountTimedOut             a mounted application sent nothing for too long
├── TenantClosed              a shop that is not open, and so is entered by no operator
├── MigrationRunFailed             a run over many tenants left some as they were
├── InvalidIdentity           a request did not come from the gateway, or not for this service
├── ServiceNotFound           no such service, or none for this tenant
├── ServiceFailed             a service was asked, and no answer came of it
└── DatabaseUnavailable       the embedded PostgreSQL could not be started

Messages name who, what and what to do next. Each error keeps its facts as attributes.
"""

from __future__ import annotations

import re

from django.core.exceptions import ImproperlyConfigured


class TenancyError(Exception):
    """Base of all errors of the engine."""


class ConfigurationError(TenancyError, ImproperlyConfigured):
    """Settings that cannot work. The message names the setting and what it takes."""


class InvalidName(TenancyError):
    """A slug that cannot name a tenant."""

    def __init__(self, slug: str, reason: str) -> None:
        super().__init__(slug, reason)
        self.slug = slug
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.slug[:80]!r} cannot name a tenant: {self.reason}"


class InvalidHost(TenancyError):
    """A host that is no host name."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(host, reason)
        self.host = host
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.host[:80]!r} is no host name: {self.reason}"


class InvalidOption(TenancyError):
    """A fact about a tenant that cannot be."""

    def __init__(self, option: str, value: str, takes: str) -> None:
        super().__init__(option, value, takes)
        self.option = option
        self.value = value
        self.takes = takes

    def __str__(self) -> str:
        return f"{self.value[:80]!r} is no {self.option.replace('_', ' ')}: give {self.takes}."


class TenantExists(TenancyError):
    """The slug is taken."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug

    def __str__(self) -> str:
        return f"There is a tenant {self.slug!r} already. Choose another slug."


class DomainTaken(TenancyError):
    """The domain is taken."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return f"The domain {self.host!r} belongs to a tenant already. Choose another, or remove it there first."


class SchemaExists(TenancyError):
    """PostgreSQL already has that schema; an existing schema is never adopted."""

    def __init__(self, schema: str) -> None:
        super().__init__(schema)
        self.schema = schema

    def __str__(self) -> str:
        return (
            f"The database already has a schema {self.schema!r} that belongs to no tenant, and it is not adopted. "
            f"Look into it, then rename or drop it, and try again."
        )


class TenantNotFound(TenancyError):
    """No such tenant, or none with the status that the step is for: deleted, or not."""

    def __init__(self, slug: str | int, status: str = "") -> None:
        super().__init__(slug, status)
        self.slug = slug
        """As it was asked for: a slug, or an id."""
        self.status = status
        """Of the tenant that has the slug; empty: none has."""

    def __str__(self) -> str:
        if not self.status:
            name = f"{self.slug!r}" if isinstance(self.slug, str) else f"with the id {self.slug}"
            return f"There is no tenant {name}. `manage.py list_tenants` shows those that there are."
        if self.status == "brought back":
            return f"The deletion of tenant {self.slug!r} that this is about was undone. Nothing was purged."
        if self.status == "deleted":
            return f"Tenant {self.slug!r} is deleted. To have it back, run: manage.py undelete_tenant {self.slug}"
        if self.status == "purging":
            return (
                f"The purge of tenant {self.slug!r} has begun, and there is no way back. "
                f"To finish it, run: manage.py purge_tenants {self.slug} --yes"
            )
        return (
            f"Tenant {self.slug!r} is {self.status}, and this is for a deleted one. "
            f"To delete it, run: manage.py delete_tenant {self.slug} {self.slug}"
        )


class UnknownVariant(TenancyError):
    """The code has no such variant."""

    def __init__(self, variant: str, known: list[str]) -> None:
        super().__init__(variant, known)
        self.variant = variant
        self.known = known

    def __str__(self) -> str:
        return (
            f"There is no variant {self.variant!r} in this code. It has {', '.join(self.known)}. Deploy code that has "
            f"it, or give the tenant another: `manage.py set_variant SLUG {self.known[0]}`."
        )


class InvalidVariant(TenancyError):
    """A variant replaces something that is not there, or cannot take its place."""

    def __init__(self, variant: str, problems: list[str]) -> None:
        super().__init__(variant, problems)
        self.variant = variant
        self.problems = problems

    def __str__(self) -> str:
        return f"The variant {self.variant!r} is broken. {' '.join(self.problems)}"


class VariantLookupError(TenancyError, LookupError):
    """No default has the name that is resolved."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name!r} is nothing that can be resolved: {self.reason}."


class NoActiveTenant(TenancyError):
    """The database was asked for while no tenant was active."""

    def __init__(self, subject: str = "A query") -> None:
        super().__init__(subject)
        self.subject = subject

    def __str__(self) -> str:
        return (
            f"{self.subject} needs an active tenant, and none is. In code, wrap the call in `with use_tenant(tenant):` "
            f"(`PLATFORM` for the control plane). In the shell, `manage.py run_in_tenant SLUG -- COMMAND` "
            f"(`--platform` for the control plane)."
        )


class WrongSchema(TenancyError):
    """A model was used on the side on which it has no table."""

    def __init__(self, model: str, lives_in: str, active: str) -> None:
        super().__init__(model, lives_in, active)
        self.model = model
        self.lives_in = lives_in
        self.active = active

    def __str__(self) -> str:
        return (
            f"{self.model} lives in {self.lives_in}, but the active tenant is {self.active}. "
            f"Wrap the call in the right `use_tenant(…)`."
        )


class WrongTenant(TenancyError):
    """A record of one tenant was used in another."""

    def __init__(self, record: str, schema: str, active: str) -> None:
        super().__init__(record, schema, active)
        self.record = record
        self.schema = schema
        self.active = active

    def __str__(self) -> str:
        return (
            f"{self.record} belongs to schema {self.schema}, but the active tenant is {self.active}. "
            f"Work with a record inside the `use_tenant(…)` in which it was read; pass plain values on to another. "
            f"(A queryset in the body of a class belongs to whoever is active when its module is imported: import it "
            f"while nobody is.)"
        )


class MigrationFailed(TenancyError):
    """A tenant's migrations stopped, and left it as it was."""

    def __init__(self, slug: str, cause: str) -> None:
        super().__init__(slug, cause)
        self.slug = slug
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"Tenant {self.slug!r} could not be migrated and is as it was: {self.cause.strip()} "
            f"Mend the cause, then run `manage.py migrate_tenants --tenant {self.slug}`."
        )


class TenantLocked(TenancyError):
    """Another run has the tenant in hand."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug

    def __str__(self) -> str:
        return f"Another run, here or on another machine, has tenant {self.slug!r} in hand. Try again when it is done."


class LockTimeout(TenancyError):
    """Others had one of a tenant's tables in use for as long as a step waits for it. Nothing was changed."""

    def __init__(self, slug: str, table: str, seconds: float) -> None:
        super().__init__(slug, table, seconds)
        self.slug = slug
        self.table = table
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"Nothing was changed: others had the table {self.table!r} of tenant {self.slug!r} in use for "
            f"{self.seconds} seconds. Look in pg_stat_activity for a transaction that stays open; or try again when "
            f"less is going on, or with more patience (`--lock-timeout`)."
        )


class SchemaOutdated(TenancyError):
    """A tenant's schema is not where the code is, as the step needs it to be."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug

    def __str__(self) -> str:
        return (
            f"The schema of tenant {self.slug!r} is not where the code is, and this step goes by the code. "
            f"Run `manage.py migrate_tenants --tenant {self.slug}`, then try again."
        )


class ExtensionRefused(TenancyError):
    """An extension of PostgreSQL that is missing, or where a tenant cannot use it."""

    def __init__(self, extension: str, what: str, next_step: str) -> None:
        super().__init__(extension, what, next_step)
        self.extension = extension
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"The extension {self.extension!r} {self.what}. {self.next_step}"


class OperatorAccountRefused(TenancyError):
    """An account in a shop that stands for an operator of the platform was to be written. Nothing was changed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"The account {self.name!r} stands for an operator of the platform, and the shop cannot change it. "
            f"Operators enter by a link from the platform's admin."
        )


class TenantChanged(TenancyError):
    """A tenant was renamed, or everybody was signed out of it, since it was to be replaced. Nothing was changed."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug

    def __str__(self) -> str:
        return (
            f"Tenant {self.slug!r} was renamed, or everybody was signed out of it, after this was asked for. Nothing "
            f"was changed. Look at it, then ask again."
        )


class TenantAhead(TenancyError):
    """A newer release of the code has migrated a tenant's schema, and this one does not know those migrations."""

    def __init__(self, slug: str, unknown: list[str]) -> None:
        super().__init__(slug, unknown)
        self.slug = slug
        self.unknown = unknown

    def __str__(self) -> str:
        names = ", ".join(self.unknown[:5]) + (" …" if len(self.unknown) > 5 else "")
        return (
            f"The schema of tenant {self.slug!r} is newer than this code, which has no migration {names}. Nothing was "
            f"changed. Run this with the newer release."
        )


class InvalidMappingFile(TenancyError):
    """A file that says what a variant's rows begin with, and cannot be taken. Nothing was changed."""

    def __init__(self, file: str, problems: list[str]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = problems

    def __str__(self) -> str:
        return f"Nothing was changed, since {self.file} cannot be taken: {' '.join(self.problems)}"


class SchemaDrift(TenancyError):
    """A tenant's schema has other tables or columns than its migrations make."""

    def __init__(self, slug: str, what: str) -> None:
        super().__init__(slug, what)
        self.slug = slug
        self.what = what

    def __str__(self) -> str:
        return (
            f"The schema of tenant {self.slug!r} is not as its migrations make it: {self.what}. "
            f"`manage.py verify_tenants --tenant {self.slug}` names every difference; mend them, then try again."
        )


class StepFailed(TenancyError):
    """A clone, backup or restore stopped, and nothing of it is left."""

    def __init__(self, step: str, cause: str) -> None:
        super().__init__(step, cause)
        self.step = step
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.step} stopped, and nothing of it is left: {self.cause.strip()}"


class ProgramFailed(TenancyError):
    """One of PostgreSQL's programs is missing, too old, or stopped with an error."""

    def __init__(self, program: str, cause: str) -> None:
        super().__init__(program, cause)
        self.program = program
        self.cause = cause

    def __str__(self) -> str:
        return f"PostgreSQL's program {self.program} {self.cause.strip()}"


class InvalidBackup(TenancyError):
    """A file that no tenant is restored from."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason

    def __str__(self) -> str:
        return f"Nothing is restored from {self.file}: {self.reason}"


class InvalidToken(TenancyError):
    """A token or key of the API that opens nothing here."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The token is not accepted. {self.reason}"


class HashingBusy(TenancyError):
    """A password that is not checked now: as many are being checked as may be at once."""

    def __init__(self, of_what: str, retry_after: int) -> None:
        super().__init__(of_what, retry_after)
        self.of_what = of_what
        self.retry_after = retry_after

    def __str__(self) -> str:
        return (
            f"Password not checked: too many are being checked at once for {self.of_what}. "
            f"Try again in {self.retry_after} s."
        )


class MountFailed(TenancyError):
    """An application mounted in a tenant could not be built."""

    def __init__(self, app: str, tenant: str, cause: str, retry_seconds: int) -> None:
        super().__init__(app, tenant, cause, retry_seconds)
        self.app = app
        self.tenant = tenant
        self.cause = cause
        self.retry_seconds = retry_seconds

    def __str__(self) -> str:
        return (
            f"The application {self.app!r} could not be built for {self.tenant}: {self.cause} "
            f"It is tried again in {self.retry_seconds} s; the log has the whole error."
        )


class MountTimedOut(TenancyError):
    """An application mounted in a tenant sent nothing for too long."""

    def __init__(self, app: str, tenant: str, seconds: float) -> None:
        super().__init__(app, tenant, seconds)
        self.app = app
        self.tenant = tenant
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"The application {self.app!r} of {self.tenant} timed out: it sent nothing for {self.seconds:g} s. "
            f"Make it answer faster, or raise TENANTS['MOUNTS_SECONDS']."
        )


class TenantClosed(TenancyError):
    """A shop that is not open, and so is entered by no operator."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug

    def __str__(self) -> str:
        return (
            f"Tenant {self.slug!r} is not open, so no operator enters it. "
            f"Open it first: `manage.py resume_tenant {self.slug}`."
        )


class MigrationRunFailed(TenancyError):
    """A run over many tenants left some as they were."""

    def __init__(self, failed: list[str], not_begun: int = 0, elsewhere: int = 0) -> None:
        super().__init__(failed, not_begun, elsewhere)
        self.failed = failed
        self.not_begun = not_begun
        self.elsewhere = elsewhere

    def __str__(self) -> str:
        parts = []
        if self.failed:
            shown = ", ".join(self.failed[:10]) + (" …" if len(self.failed) > 10 else "")
            parts.append(f"{len(self.failed)} tenants could not be migrated and are as they were: {shown}.")
        if self.not_begun:
            parts.append(f"{self.not_begun} were not begun.")
        if self.elsewhere:
            parts.append(f"{self.elsewhere} are still in the hands of another run.")
        return f"{' '.join(parts)} Mend the cause, then migrate again those that are behind."


class InvalidIdentity(TenancyError):
    """A request did not come from the gateway or the mesh, or it is not for this service."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The request's signed identity is refused: {self.reason}. Send the request through the gateway."


class ServiceNotFound(TenancyError):
    """No such service, or none for this tenant."""

    def __init__(self, service: str, tenant: str) -> None:
        super().__init__(service, tenant)
        self.service = service
        self.tenant = tenant

    def __str__(self) -> str:
        return (
            f"There is no service {self.service!r} for {self.tenant}. "
            f"Register it in the operator's admin under Services, or grant it to the tenant there."
        )


class ServiceFailed(TenancyError):
    """A service was asked, and no answer came of it: it failed (502), cannot be asked now (503), was too slow (504)."""

    def __init__(self, service: str, reason: str, status: int = 502, retry_after: float = 0.0) -> None:
        super().__init__(service, reason, status, retry_after)
        self.service = service
        self.reason = reason
        self.status = status
        """What the gateway answers with."""
        self.retry_after = retry_after
        """Seconds after which it may be asked again; 0: nobody knows."""

    def __str__(self) -> str:
        again = f" Ask again in {self.retry_after} seconds." if self.retry_after else ""
        return f"The service {self.service!r} {self.reason} ({self.status}).{again}"


class DatabaseUnavailable(TenancyError):
    """The embedded PostgreSQL could not be started."""


def in_one_line(error: BaseException) -> str:
    """Return the kind of an error and what it says, without the place in the statement that PostgreSQL quotes."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line not in {"", "^"} and not re.match(r"LINE \d+:", line)]
    return f"{type(error).__name__}: {' '.join(said)}".strip(": ")

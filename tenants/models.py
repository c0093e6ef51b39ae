"""The control plane's tables, in schema `public`: who the tenants are, where they answer, how far they are migrated."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.conf import tenancy
from tenants.errors import InvalidHost, InvalidName
from tenants.hosts import normalise_host
from tenants.names import SLUG_MAX_LENGTH, schema_name, validate_slug
from tenants.service_models import Service, ServiceAddress, ServiceReport
from tenants.signing import new_epoch

__all__ = [
    "AuditEvent",
    "Domain",
    "HostField",
    "Operation",
    "SchemaState",
    "Service",
    "ServiceAddress",
    "ServiceReport",
    "Tenant",
    "check_slug",
]


def check_slug(slug: str) -> None:
    """Refuse, as a form's field error, a slug that cannot name a tenant."""
    try:
        validate_slug(slug, reserved=tenancy().all_reserved_slugs)
    except InvalidName as error:
        raise ValidationError(str(error), code="invalid_slug") from error


class HostField(models.CharField):  # type: ignore[type-arg]  # not generic when the program runs
    """A host name, kept in its one spelling."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 253)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        host = super().to_python(value)
        if not host:
            return host
        try:
            return normalise_host(host)
        except InvalidHost as error:
            raise ValidationError(str(error), code="invalid_host") from error

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return normalise_host(value) if value else value


class Tenant(models.Model):
    """A shop in the building. Its schema's name hangs on the id alone; the slug may change."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        DELETED = "deleted", _("Deleted")
        PURGING = "purging", _("Being purged")

    slug = models.CharField(
        _("slug"),
        max_length=SLUG_MAX_LENGTH,
        unique=True,
        validators=[check_slug],
        help_text=_("The first part of the shop's address: lower-case letters, digits and hyphens."),
    )
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.ACTIVE, editable=False)
    variant = models.CharField(_("variant"), max_length=63, default="default", editable=False)
    server = models.CharField(_("server"), max_length=63, default="main", editable=False)
    role = models.CharField(_("PostgreSQL role"), max_length=63, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=10, default="en")
    currency = models.CharField(_("currency"), max_length=3, default="KRW")
    time_zone = models.CharField(_("time zone"), max_length=63, default="Asia/Seoul")
    api_version = models.CharField(
        _("API version"),
        max_length=10,
        blank=True,
        help_text=_("What a request to the shop’s API gets that asks for no version. Empty: the building’s default."),
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    notice = models.TextField(
        _("notice"), blank=True, editable=False, help_text=_("What visitors read while the shop is suspended.")
    )
    bypass = models.CharField(_("bypass secret"), max_length=64, blank=True, editable=False)
    purge_after = models.DateTimeField(_("purge after"), null=True, editable=False)
    cache_generation = models.PositiveIntegerField(_("generation of the cache"), default=0, editable=False)
    epoch = models.CharField(_("epoch"), max_length=32, default=new_epoch, editable=False)
    plan = models.CharField(_("plan"), max_length=63, blank=True)
    max_concurrency = models.PositiveIntegerField(
        _("requests at once"), null=True, blank=True, help_text=_("In each process of the web server.")
    )
    max_queue = models.PositiveIntegerField(
        _("requests in line"),
        null=True,
        blank=True,
        help_text=_("How many wait for one of those to end; others are refused."),
    )
    max_rate = models.PositiveIntegerField(
        _("requests a second"),
        null=True,
        blank=True,
        help_text=_("In the long run, in each process of the web server."),
    )
    max_burst = models.PositiveIntegerField(
        _("requests in a burst"), null=True, blank=True, help_text=_("How many may come at once after a quiet time.")
    )
    max_statement_seconds = models.PositiveIntegerField(
        _("seconds for one statement"),
        null=True,
        blank=True,
        help_text=_("Then PostgreSQL cancels it, if it is a request’s; commands and jobs may take their time."),
    )
    staff_second_factor = models.BooleanField(
        _("staff need a second factor"),
        default=False,
        help_text=_("Whoever works in the shop’s admin has to sign in with a code from their phone as well."),
    )

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ["slug"]
        permissions = [("enter_tenant", _("Can enter a shop as an operator"))]

    def __str__(self) -> str:
        return f"{self.name} ({self.slug})"

    def renew_epoch(self) -> list[str]:
        """Make void whatever the tenant has given out, bypass links included; return the fields to be saved."""
        self.epoch = new_epoch()
        self.bypass = new_epoch() if self.bypass else ""
        return ["epoch", "bypass"]

    @property
    def schema(self) -> str:
        """The name of the tenant's PostgreSQL schema."""
        return schema_name(self.pk)


class Domain(models.Model):
    """A host name of the tenant's own, beside its subdomain of the platform."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="domains", verbose_name=_("tenant"))
    host = HostField(_("host"), unique=True, help_text=_("For example shop.example.com; it must point to this server."))
    is_primary = models.BooleanField(
        _("primary"),
        default=False,
        help_text=_("Every other address of the shop, its subdomain included, redirects to the primary one."),
    )

    class Meta:
        verbose_name = _("domain")
        verbose_name_plural = _("domains")
        ordering = ["host"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(is_primary=True),
                name="one_primary_domain_per_tenant",
                violation_error_message=_("The tenant has a primary domain already."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.host)

    def clean(self) -> None:
        """Refuse a host that belongs to the platform: its subdomains are given out as slugs."""
        config = tenancy()
        if self.host and (self.host == config.base_domain or self.host.endswith(f".{config.base_domain}")):
            raise ValidationError({"host": _("Names below %s are given out as slugs.") % config.base_domain})
        if self.host in config.platform_hosts:
            raise ValidationError({"host": _("This host is the platform's.")})


def check_mount_path(path: str) -> None:
    """Refuse, as a form's field error, a path under which nothing can be mounted."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*", path):
        raise ValidationError(
            _("Parts of lower-case letters, digits, dots, hyphens and underscores, such as backend or office/stock."),
            code="invalid_path",
        )


class Mount(models.Model):
    """A foreign application under a path of a tenant; its factory is named in `TENANTS["MOUNTS"]`."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="mounts", verbose_name=_("tenant"))
    app = models.CharField(_("application"), max_length=63)
    path = models.CharField(
        _("path"),
        max_length=100,
        blank=True,
        validators=[check_mount_path],
        help_text=_("Where it answers: backend for /backend/. Empty: on the tenant’s whole host."),
    )
    is_on = models.BooleanField(_("switched on"), default=True)
    is_for_staff = models.BooleanField(
        _("for staff alone"), default=True, help_text=_("Others are asked to sign in to the shop’s admin.")
    )
    options = models.JSONField(
        _("options"), default=dict, blank=True, help_text=_("Keyword arguments for its factory, as JSON.")
    )

    class Meta:
        verbose_name = _("mount")
        verbose_name_plural = _("mounts")
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "path"],
                name="one_mount_at_a_path",
                violation_error_message=_("Something is mounted at this path already."),
            ),
        ]

    def __str__(self) -> str:
        return f"/{self.path}"

    def clean(self) -> None:
        """Refuse options that are none, and a whole host on which nobody could sign in."""
        if not isinstance(self.options, dict):
            raise ValidationError({"options": _('An object is wanted, such as {} or {"theme": "dark"}.')})
        if self.is_for_staff and not self.path:
            raise ValidationError({"path": _("On the whole host there would be no page left to sign in on.")})


class SchemaState(models.Model):
    """How far a tenant's schema is migrated; written in the transaction that migrates it."""

    class Outcome(models.TextChoices):
        MIGRATED = "migrated", _("Migrated")
        FAILED = "failed", _("Failed")

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="state")
    fingerprint = models.CharField(_("fingerprint"), max_length=64, blank=True)
    outcome = models.CharField(_("last outcome"), max_length=20, choices=Outcome)
    error = models.TextField(_("error"), blank=True)
    seconds = models.FloatField(_("seconds"), default=0)
    finished_at = models.DateTimeField(_("finished at"), db_default=Now())

    class Meta:
        verbose_name = _("schema state")
        verbose_name_plural = _("schema states")

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.outcome}"


class ApiUsage(models.Model):
    """How often one kind of client called one version of a tenant's API on one day (UTC)."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="api_usage", verbose_name=_("tenant"))
    version = models.CharField(_("version"), max_length=10)
    day = models.DateField(_("day"))
    client = models.CharField(
        _("client"), max_length=60, help_text=_("The application of the token, else the program as it names itself.")
    )
    requests = models.PositiveBigIntegerField(_("requests"), default=0)
    last_at = models.DateTimeField(_("last at"), db_default=Now())

    class Meta:
        verbose_name = _("use of the API")
        verbose_name_plural = _("use of the API")
        ordering = ["-day", "tenant_id", "version", "-requests"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "version", "day", "client"], name="api_usage_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.client} {self.day}"


class Pressure(models.Model):
    """How often a tenant met its limits in one hour; all processes add to it (`tenants.pressure`)."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="pressure", verbose_name=_("tenant"))
    hour = models.DateTimeField(_("hour"), db_index=True)
    refused_rate = models.PositiveBigIntegerField(_("refused for their rate"), default=0)
    refused_concurrency = models.PositiveBigIntegerField(_("refused because too many came at once"), default=0)
    cut_statements = models.PositiveBigIntegerField(_("statements that took too long"), default=0)

    class Meta:
        verbose_name = _("pressure")
        verbose_name_plural = _("pressure")
        constraints = [models.UniqueConstraint(fields=["tenant", "hour"], name="one_pressure_per_tenant_and_hour")]

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.hour:%Y-%m-%d %H}"


class AuditEvent(models.Model):
    """Something that was done to a tenant. Stays when the tenant goes, so it keeps the id and the slug as they were."""

    at = models.DateTimeField(_("at"), db_default=Now(), editable=False)
    actor = models.CharField(_("who"), max_length=200)
    action = models.CharField(_("what"), max_length=50)
    tenant_id = models.BigIntegerField(_("tenant id"), db_index=True)
    slug = models.CharField(_("slug"), max_length=SLUG_MAX_LENGTH)
    detail = models.JSONField(_("detail"), default=dict)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.slug}"


class Operation(models.Model):
    """Long work that is done by a worker, in the background, and how far it is."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    UNFINISHED = (State.WAITING, State.RUNNING)

    kind = models.CharField(_("what"), max_length=50)
    slug = models.CharField(_("tenant"), max_length=SLUG_MAX_LENGTH, blank=True)
    arguments = models.JSONField(_("arguments"), default=dict)
    asked_by = models.CharField(_("who"), max_length=200)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.WAITING)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    total = models.PositiveBigIntegerField(_("total"), default=0, help_text=_("0: how much there is, is not known."))
    message = models.TextField(_("message"), blank=True)
    error = models.TextField(_("error"), blank=True)
    report = models.JSONField(_("report"), default=dict, help_text=_("What this kind of work has to tell beside."))
    attempts = models.PositiveSmallIntegerField(
        _("attempts"), default=0, help_text=_("How often it was begun since it was last laid down in order.")
    )
    created_at = models.DateTimeField(_("asked for at"), db_default=Now())
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}".rstrip()

    @property
    def is_finished(self) -> bool:
        return self.state not in self.UNFINISHED


class OperatorEntry(models.Model):
    """A one-time link by which an operator enters a shop, and whether it was used. Its secret is kept as a hash."""

    digest = models.CharField(_("digest"), max_length=64, unique=True)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="operator_entries", verbose_name=_("tenant"))
    operator_id = models.BigIntegerField(_("operator id"))
    operator = models.CharField(_("operator"), max_length=150)
    made_at = models.DateTimeField(_("made at"), db_default=Now())
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("entry of an operator")
        verbose_name_plural = _("entries of operators")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.operator} → {self.tenant_id}"

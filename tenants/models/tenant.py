"""Tenants and their domains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.module_loading import import_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.conf import tenancy
from tenants.errors import ConfigurationError, InvalidName
from tenants.isolation.signing import new_epoch
from tenants.models.fields import HostField
from tenants.names import SLUG_MAX_LENGTH, schema_name, validate_slug


def check_slug(slug: str) -> None:
    """Validator: a slug that can name a tenant."""
    try:
        validate_slug(slug, reserved=tenancy().all_reserved_slugs)
    except InvalidName as error:
        text = gettext("%(slug)r cannot name a tenant: %(reason)s")
        told = {"slug": error.slug[:80], "reason": gettext(error.reason)}
        raise ValidationError(text % told, code="invalid_slug") from error


class Tenant(models.Model):
    """A shop. The name of its schema depends on the id alone; the slug may change."""

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
        help_text=_("For API requests that do not name a version. Empty: the platform’s default."),
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    notice = models.TextField(
        _("notice"), blank=True, editable=False, help_text=_("Shown to visitors while the shop is suspended.")
    )
    bypass = models.CharField(_("bypass secret"), max_length=64, blank=True, editable=False)
    purge_after = models.DateTimeField(_("purge after"), null=True, editable=False)
    cache_generation = models.PositiveIntegerField(_("generation of the cache"), default=0, editable=False)
    epoch = models.CharField(_("epoch"), max_length=32, default=new_epoch, editable=False)
    plan = models.CharField(_("plan"), max_length=63, blank=True)
    max_concurrency = models.PositiveIntegerField(
        _("concurrent requests"), null=True, blank=True, help_text=_("For each process of the web server.")
    )
    max_queue = models.PositiveIntegerField(
        _("queued requests"),
        null=True,
        blank=True,
        help_text=_("Requests that wait for a concurrent one to finish; more are rejected."),
    )
    max_rate = models.PositiveIntegerField(
        _("requests per second"),
        null=True,
        blank=True,
        help_text=_("On average, for each process of the web server."),
    )
    max_burst = models.PositiveIntegerField(
        _("burst size"), null=True, blank=True, help_text=_("Requests that can come at once after a quiet period.")
    )
    max_statement_seconds = models.PositiveIntegerField(
        _("statement timeout (seconds)"),
        null=True,
        blank=True,
        help_text=_("PostgreSQL cancels longer statements of requests; commands and jobs have no limit."),
    )
    staff_second_factor = models.BooleanField(
        _("require two-factor authentication for staff"),
        default=False,
        help_text=_("Staff of the shop’s admin also sign in with a code from their phone."),
    )

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ["slug"]
        permissions = [("enter_tenant", _("Can log in to a shop as an operator"))]

    def __str__(self) -> str:
        return f"{self.name} ({self.slug})"

    def renew_epoch(self) -> list[str]:
        """Void all sessions, links and tokens of the tenant, bypass links included; return the fields to save."""
        self.epoch = new_epoch()
        self.bypass = new_epoch() if self.bypass else ""
        return ["epoch", "bypass"]

    @property
    def deletion(self) -> datetime | None:
        """Identifies this deletion among others of the same tenant: its end of grace; None if it is not deleted."""
        if self.status not in {self.Status.DELETED, self.Status.PURGING}:
            return None
        return self.purge_after or datetime.fromtimestamp(0, UTC)  # a row that was changed by hand

    @property
    def schema(self) -> str:
        """The name of the tenant's PostgreSQL schema."""
        return schema_name(self.pk)


class Domain(models.Model):
    """A host name of a tenant, in addition to its subdomain of the platform."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="domains", verbose_name=_("tenant"))
    host = HostField(_("host"), unique=True, help_text=_("For example shop.example.com; it must point to this server."))
    is_primary = models.BooleanField(
        _("primary"),
        default=False,
        help_text=_("All other hosts of the shop, its subdomain included, redirect to the primary one."),
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
                violation_error_message=_("The tenant already has a primary domain."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.host)

    def clean(self) -> None:
        """Refuse a host that belongs to the platform: its subdomains are given out as slugs. Then ask the rules."""
        config = tenancy()
        if self.host and (self.host == config.base_domain or self.host.endswith(f".{config.base_domain}")):
            raise ValidationError({"host": _("Names below %s are reserved for slugs.") % config.base_domain})
        if self.host in config.platform_hosts:
            raise ValidationError({"host": _("This host is the platform's.")})
        if self.host:
            for rule in _domain_rules():
                rule(self)


def _domain_rules() -> Iterator[Callable[[Domain], object]]:
    """Yield the functions in `TENANTS["DOMAIN_RULES"]`; raise `ConfigurationError`."""
    for path in tenancy().domain_rules:
        try:
            yield import_string(path)
        except ImportError as error:
            raise ConfigurationError(
                f"TENANTS['DOMAIN_RULES'] names {path!r}, which cannot be imported: {error}"
            ) from error

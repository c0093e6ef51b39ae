"""Models of services: registration, addresses and status reports, tables of the control plane."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.contrib.services.validators import (
    validate_address,
    validate_health_path,
    validate_prefixes,
    validate_ranges,
)

_SECONDS = [MinValueValidator(0.05), MaxValueValidator(3600.0)]


class Service(models.Model):
    """A registered service: its paths, its addresses and who may use it."""

    name = models.CharField(
        _("name"),
        max_length=63,
        unique=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9-]*\Z", _("Use lowercase letters, digits and hyphens."))],
        help_text=_("Used in calls from other services and in signed identities."),
    )
    is_active = models.BooleanField(_("active"), default=True, help_text=_("When off, requests to it get 404."))
    prefixes = models.TextField(
        _("paths"),
        blank=True,
        validators=[validate_prefixes],
        help_text=_("One per line. /stock/ matches paths below it, /stock also itself. The longest match wins."),
    )
    strip_prefix = models.BooleanField(
        _("strip path prefix"),
        default=False,
        help_text=_("The service receives /mugs when a visitor requests /stock/mugs."),
    )
    runs_sangga = models.BooleanField(
        _("runs this code base"),
        default=False,
        help_text=_(
            "It receives cookies, and handles suspended and moved shops itself. Other services receive no cookies, "
            "and no requests for suspended shops."
        ),
    )
    every_tenant = models.BooleanField(_("all tenants"), default=False)
    at_platform = models.BooleanField(_("available on the platform’s host"), default=False)
    tenants = models.ManyToManyField(
        "tenants.Tenant", blank=True, related_name="services", verbose_name=_("selected tenants")
    )
    scopes = models.CharField(
        _("scopes"),
        max_length=500,
        blank=True,
        help_text=_(
            "Scopes that the caller’s token must have, separated by spaces. Empty: anonymous requests are allowed."
        ),
    )
    connect_seconds = models.FloatField(_("connect timeout"), default=2.0, validators=_SECONDS)
    attempt_seconds = models.FloatField(_("timeout per attempt"), default=10.0, validators=_SECONDS)
    total_seconds = models.FloatField(_("total timeout"), default=30.0, validators=_SECONDS)
    idle_seconds = models.FloatField(_("idle timeout"), default=60.0, validators=_SECONDS)
    retries = models.PositiveSmallIntegerField(
        _("retries"),
        default=2,
        validators=[MaxValueValidator(10)],
        help_text=_("For idempotent requests, and for requests that reached no address."),
    )
    max_body_mib = models.PositiveIntegerField(
        _("maximum body size (MiB)"), default=100, validators=[MinValueValidator(1), MaxValueValidator(1024 * 1024)]
    )
    health_path = models.CharField(
        _("health path"),
        max_length=200,
        blank=True,
        validators=[validate_health_path],
        help_text=_("Requested from every address; 2xx means healthy. Empty: no health checks."),
    )
    private_ranges = models.TextField(
        _("private ranges"),
        blank=True,
        validators=[validate_ranges],
        help_text=_("One per line, such as 10.1.0.0/16. Private IP addresses are allowed only within these ranges."),
    )

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ServiceAddress(models.Model):
    """An address of a service. The gateway connects to registered addresses only."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="addresses", verbose_name=_("service"))
    url = models.CharField(
        _("address"),
        max_length=300,
        validators=[validate_address],
        help_text=_("Such as http://10.1.0.7:8002, without a path."),
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("When off, running requests finish and new ones use other addresses.")
    )

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        ordering = ["url"]
        constraints = [models.UniqueConstraint(fields=["service", "url"], name="one_row_per_service_and_address")]

    def __str__(self) -> str:
        return self.url


class ServiceReport(models.Model):
    """What one process has observed of services. Each process overwrites its row."""

    process = models.CharField(_("process"), max_length=200, primary_key=True)
    role = models.CharField(_("role"), max_length=63)
    at = models.DateTimeField(_("at"), db_default=Now())
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("status report")
        verbose_name_plural = _("status reports")
        ordering = ["process"]

    def __str__(self) -> str:
        return self.process

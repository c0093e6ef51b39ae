"""Services that the gateway leads to and that services ask one another: tables of the control plane."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.contrib.services.validators import (
    check_address,
    check_health_path,
    check_prefix,
    check_range,
    lines_of,
)

_SECONDS = [MinValueValidator(0.05), MaxValueValidator(3600.0)]


def check_prefixes(text: str) -> None:
    """Refuse, as a form's field error, lines that are no prefixes of paths."""
    _check_each(lines_of(text), check_prefix)


def check_ranges(text: str) -> None:
    """Refuse, as a form's field error, lines that are no ranges of addresses."""
    _check_each(lines_of(text), check_range)


def check_url(url: str) -> None:
    """Refuse, as a form's field error, what is no address of a service."""
    _check_each([url], check_address)


def check_health(path: str) -> None:
    """Refuse, as a form's field error, what is no path."""
    _check_each([path], check_health_path)


def _check_each(texts: list[str], check: Callable[[str], object]) -> None:
    for text in texts:
        try:
            check(text)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error


class Service(models.Model):
    """An application of its own, at one address or several, and who may be led to it."""

    name = models.CharField(
        _("name"),
        max_length=63,
        unique=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9-]*\Z", _("Use lower-case letters, digits and hyphens."))],
        help_text=_("What other services ask for it by, and whom a signed identity is for."),
    )
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Off: the gateway and the mesh answer 404."))
    prefixes = models.TextField(
        _("paths"),
        blank=True,
        validators=[check_prefixes],
        help_text=_("One a line: /stock/ is what is below it, /stock that and itself. The longest that fits wins."),
    )
    strip_prefix = models.BooleanField(
        _("take the path's beginning off"),
        default=False,
        help_text=_("The service then sees /mugs where the visitor asked for /stock/mugs."),
    )
    runs_sangga = models.BooleanField(
        _("runs this code base"),
        default=False,
        help_text=_(
            "It then gets cookies, and says itself what visitors of a suspended or moved shop get. To any other "
            "service the gateway passes no cookie, and nothing for a suspended shop."
        ),
    )
    every_tenant = models.BooleanField(_("every tenant"), default=False)
    at_platform = models.BooleanField(_("at the platform’s host as well"), default=False)
    tenants = models.ManyToManyField(
        "tenants.Tenant", blank=True, related_name="services", verbose_name=_("these tenants")
    )
    scopes = models.CharField(
        _("scopes"),
        max_length=500,
        blank=True,
        help_text=_("What a caller’s token has to have, separated by spaces. Empty: strangers are let in."),
    )
    connect_seconds = models.FloatField(_("to connect"), default=2.0, validators=_SECONDS)
    attempt_seconds = models.FloatField(_("for one address to begin its answer"), default=10.0, validators=_SECONDS)
    total_seconds = models.FloatField(_("for all attempts together"), default=30.0, validators=_SECONDS)
    idle_seconds = models.FloatField(_("of silence within an answer"), default=60.0, validators=_SECONDS)
    retries = models.PositiveSmallIntegerField(
        _("retries"),
        default=2,
        validators=[MaxValueValidator(10)],
        help_text=_("Of what can be asked twice without harm, and of what never reached an address."),
    )
    max_body_mib = models.PositiveIntegerField(
        _("largest body (MiB)"), default=100, validators=[MinValueValidator(1), MaxValueValidator(1024 * 1024)]
    )
    health_path = models.CharField(
        _("health path"),
        max_length=200,
        blank=True,
        validators=[check_health],
        help_text=_("Asked at every address; 2xx is healthy. Empty: an address is judged by its answers alone."),
    )
    private_ranges = models.TextField(
        _("private ranges"),
        blank=True,
        validators=[check_ranges],
        help_text=_(
            "One a line, as 10.1.0.0/16. Addresses outside the public internet are connected to only within these, "
            "whatever a name resolves to."
        ),
    )

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ServiceAddress(models.Model):
    """Where a service answers. The gateway connects to nothing that is not here."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="addresses", verbose_name=_("service"))
    url = models.CharField(
        _("address"), max_length=300, validators=[check_url], help_text=_("As http://10.1.0.7:8002, without a path.")
    )
    is_active = models.BooleanField(
        _("in use"), default=True, help_text=_("Off: requests in hand end, new ones go elsewhere.")
    )

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        ordering = ["url"]
        constraints = [models.UniqueConstraint(fields=["service", "url"], name="one_row_per_service_and_address")]

    def __str__(self) -> str:
        return self.url


class ServiceReport(models.Model):
    """What one process that calls services has seen of them; written over and over by that process."""

    process = models.CharField(_("process"), max_length=200, primary_key=True)
    role = models.CharField(_("role"), max_length=63)
    at = models.DateTimeField(_("at"), db_default=Now())
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("report of a process")
        verbose_name_plural = _("reports of processes")
        ordering = ["process"]

    def __str__(self) -> str:
        return self.process

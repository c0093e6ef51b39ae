"""Usage of the tenants' API, in schema `public`."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class ApiUsage(models.Model):
    """Number of requests of one client to one version of a tenant's API on one day (UTC)."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="api_usage", verbose_name=_("tenant"))
    version = models.CharField(_("version"), max_length=10)
    day = models.DateField(_("day"))
    client = models.CharField(
        _("client"),
        max_length=60,
        help_text=_("Application or API key of the token, otherwise the name in User-Agent."),
    )
    requests = models.PositiveBigIntegerField(_("requests"), default=0)
    last_at = models.DateTimeField(_("last request"), db_default=Now())

    class Meta:
        verbose_name = _("API usage")
        verbose_name_plural = _("API usage")
        ordering = ["-day", "tenant_id", "version", "-requests"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "version", "day", "client"], name="api_usage_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.client} {self.day}"

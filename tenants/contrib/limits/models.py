"""Hits of a tenant's limits, in the control plane's schema."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class LimitHit(models.Model):
    """How often a tenant met its limits in one hour; all processes add to it (`tenants.contrib.limits.counters`)."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="limit_hits", verbose_name=_("tenant"))
    hour = models.DateTimeField(_("hour"), db_index=True)
    refused_rate = models.PositiveBigIntegerField(_("rejected for their rate"), default=0)
    refused_concurrency = models.PositiveBigIntegerField(_("rejected for concurrency"), default=0)
    cut_statements = models.PositiveBigIntegerField(_("statement timeouts"), default=0)

    class Meta:
        verbose_name = _("limit hit")
        verbose_name_plural = _("limit hits")
        constraints = [models.UniqueConstraint(fields=["tenant", "hour"], name="limit_hits_once_an_hour")]

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.hour:%Y-%m-%d %H}"

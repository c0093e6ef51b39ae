"""One-time links by which an operator logs in to a shop, in the control plane's schema."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class OperatorLogin(models.Model):
    """A one-time link by which an operator enters a shop, and whether it was used. Its secret is kept as a hash."""

    digest = models.CharField(_("digest"), max_length=64, unique=True)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="operator_logins", verbose_name=_("tenant"))
    operator_id = models.CharField(_("operator id"), max_length=255)
    operator = models.CharField(_("operator"), max_length=150)
    made_at = models.DateTimeField(_("made at"), db_default=Now())
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("operator login")
        verbose_name_plural = _("operator logins")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.operator} → {self.tenant_id}"

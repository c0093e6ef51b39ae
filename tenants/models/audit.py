"""The audit log."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.names import SLUG_MAX_LENGTH


class AuditEvent(models.Model):
    """An action on a tenant. It outlives the tenant, so it stores id and slug instead of a foreign key."""

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

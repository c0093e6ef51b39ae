"""Migration state of a tenant's schema, and the releases of the code that have migrated."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.models.tenant import Tenant


class SchemaState(models.Model):
    """How far a tenant's schema is migrated; written in the transaction that migrates it."""

    class Outcome(models.TextChoices):
        MIGRATED = "migrated", _("Migrated")
        FAILED = "failed", _("Failed")

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="state")
    fingerprint = models.CharField(_("fingerprint"), max_length=64, blank=True)
    release = models.CharField(
        _("release"), max_length=64, blank=True, default="", db_default="", help_text=_("The code that wrote this row.")
    )
    outcome = models.CharField(_("last outcome"), max_length=20, choices=Outcome)
    error = models.TextField(_("error"), blank=True)
    seconds = models.FloatField(_("seconds"), default=0)
    finished_at = models.DateTimeField(_("finished at"), db_default=Now())

    class Meta:
        verbose_name = _("schema state")
        verbose_name_plural = _("schema states")

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.outcome}"


class Release(models.Model):
    """A version of the code, known by its migrations (`tenants.models.code_release.release`)."""

    fingerprint = models.CharField(_("fingerprint"), max_length=64, unique=True)
    migrated_at = models.DateTimeField(
        _("migrated at"), null=True, help_text=_("When it first migrated the control plane.")
    )
    worker_at = models.DateTimeField(
        _("worker at"), null=True, help_text=_("Last heartbeat of a worker of this release.")
    )

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")

    def __str__(self) -> str:
        return str(self.fingerprint[:12])

"""What is counted and noted of a tenant: how far its schema is migrated, its use of the API, its limits."""

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
        _("release"), max_length=64, blank=True, default="", db_default="", help_text=_("The code that wrote this.")
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
    """A version of the code, known by its migrations (`tenants.migrator.graph.release`)."""

    fingerprint = models.CharField(_("fingerprint"), max_length=64, unique=True)
    migrated_at = models.DateTimeField(
        _("migrated at"), null=True, help_text=_("When it migrated the control plane for the first time.")
    )
    worker_at = models.DateTimeField(_("worker at"), null=True, help_text=_("When a worker of it was last there."))

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")

    def __str__(self) -> str:
        return str(self.fingerprint[:12])


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
    """How often a tenant met its limits in one hour; all processes add to it (`tenants.contrib.limits.counters`)."""

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

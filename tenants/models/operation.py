"""Long operations that a worker carries out."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.models.code_release import release
from tenants.models.tenant import Tenant
from tenants.names import SLUG_MAX_LENGTH


class Operation(models.Model):
    """Long work that is done by a worker, in the background, and how far it is."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    UNFINISHED = (State.WAITING, State.RUNNING)

    kind = models.CharField(_("what"), max_length=50)
    slug = models.CharField(
        _("tenant"), max_length=SLUG_MAX_LENGTH, blank=True, help_text=_("At the time of the request.")
    )
    tenant_id = models.BigIntegerField(_("tenant id"), null=True, db_index=True)
    # The columns have defaults, since an older release may go on inserting rows while this one is rolled out.
    epoch = models.CharField(
        _("epoch"), max_length=32, blank=True, default="", db_default="", help_text=_("Of the tenant at that time.")
    )
    purge_after = models.DateTimeField(
        _("purge after"), null=True, help_text=_("Of the deletion at that time; a later deletion is not purged.")
    )
    tenant_ids = models.JSONField(_("tenant ids"), null=True, help_text=_("Of the tenants that are named."))
    release = models.CharField(
        _("release"),
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of the code that made the request, by its migrations."),
    )
    arguments = models.JSONField(_("arguments"), default=dict)
    asked_by = models.CharField(_("who"), max_length=200)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.WAITING)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    total = models.PositiveBigIntegerField(_("total"), default=0, help_text=_("0: unknown."))
    message = models.TextField(_("message"), blank=True)
    error = models.TextField(_("error"), blank=True)
    report = models.JSONField(_("report"), default=dict, help_text=_("Additional results of this kind of operation."))
    attempts = models.PositiveSmallIntegerField(
        _("attempts"), default=0, help_text=_("Attempts since the operation was last interrupted in an orderly way.")
    )
    created_at = models.DateTimeField(_("requested at"), db_default=Now())
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}".rstrip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row; a new one is about the tenants that have its slugs now, and keeps their ids."""
        if self._state.adding and not self.release:
            self.name_tenants()
        super().save(*args, **kwargs)

    def name_tenants(self) -> None:
        """Record the tenants by id, since slugs can change, and the release that requests this."""
        self.release = release()
        if "slugs" in self.arguments:
            meant = Tenant.objects.filter(slug__in=self.arguments["slugs"]).order_by("pk")
            self.tenant_ids = list(meant.values_list("pk", flat=True))
        known = Q(slug=self.slug) if self.tenant_id is None else Q(pk=self.tenant_id)
        tenant = Tenant.objects.filter(known).first() if self.slug or self.tenant_id is not None else None
        if tenant is not None:
            self.slug, self.tenant_id, self.epoch = tenant.slug, tenant.pk, tenant.epoch
            self.purge_after = tenant.deletion

    @property
    def is_finished(self) -> bool:
        return self.state not in self.UNFINISHED

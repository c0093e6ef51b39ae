"""Foreign applications under a path of a tenant."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.isolation.urlconfs import first_of, taken_segments
from tenants.models.tenant import Tenant


def check_mount_path(path: str) -> None:
    """Refuse, as a form's field error, a path under which nothing can be mounted."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*", path):
        raise ValidationError(
            _("Parts of lower-case letters, digits, dots, hyphens and underscores, such as backend or office/stock."),
            code="invalid_path",
        )


class Mount(models.Model):
    """A foreign application under a path of a tenant; its factory is named in `TENANTS["MOUNTS"]`."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="mounts", verbose_name=_("tenant"))
    app = models.CharField(_("application"), max_length=63)
    path = models.CharField(
        _("path"),
        max_length=100,
        blank=True,
        validators=[check_mount_path],
        help_text=_("Where it answers: backend for /backend/. Empty: on the tenant’s whole host."),
    )
    is_on = models.BooleanField(_("switched on"), default=True)
    is_for_staff = models.BooleanField(
        _("for staff alone"), default=True, help_text=_("Others are asked to sign in to the shop’s admin.")
    )
    options = models.JSONField(
        _("options"), default=dict, blank=True, help_text=_("Keyword arguments for its factory, as JSON.")
    )

    class Meta:
        verbose_name = _("mount")
        verbose_name_plural = _("mounts")
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "path"],
                name="one_mount_at_a_path",
                violation_error_message=_("Something is mounted at this path already."),
            ),
        ]

    def __str__(self) -> str:
        return f"/{self.path}"

    def clean(self) -> None:
        """Refuse options that are none, and a whole host on which nobody could sign in."""
        if not isinstance(self.options, dict):
            raise ValidationError({"options": _('An object is wanted, such as {} or {"theme": "dark"}.')})
        if self.is_for_staff and not self.path:
            raise ValidationError({"path": _("On the whole host there would be no page left to sign in on.")})
        if first_of(self.path) in taken_segments():
            text = _("The shop has pages of its own below /%(first)s/. Choose another path.")
            raise ValidationError({"path": text % {"first": first_of(self.path)}})

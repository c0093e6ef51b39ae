"""Model of mounts, a table of the control plane."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.isolation.urlconfs import first_segment, project_segments
from tenants.models.tenant import Tenant


def check_mount_path(path: str) -> None:
    """Raise `ValidationError` unless the path is valid for a mount."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*", path):
        raise ValidationError(
            _("Use lowercase letters, digits, dots, hyphens and underscores, such as backend or office/stock."),
            code="invalid_path",
        )


class Mount(models.Model):
    """An application under a path of a tenant; `TENANTS["MOUNTS"]` names its factory."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="mounts", verbose_name=_("tenant"))
    app = models.CharField(_("application"), max_length=63)
    path = models.CharField(
        _("path"),
        max_length=100,
        blank=True,
        validators=[check_mount_path],
        help_text=_("Such as backend for /backend/. Empty: the tenant’s whole host."),
    )
    is_on = models.BooleanField(_("enabled"), default=True)
    is_for_staff = models.BooleanField(
        _("staff only"),
        default=True,
        help_text=_("Other visitors are redirected to the login page of the shop’s admin."),
    )
    options = models.JSONField(
        _("options"), default=dict, blank=True, help_text=_("Keyword arguments for the factory, as JSON.")
    )

    class Meta:
        verbose_name = _("mount")
        verbose_name_plural = _("mounts")
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "path"],
                name="one_mount_at_a_path",
                violation_error_message=_("A mount with this path already exists."),
            ),
        ]

    def __str__(self) -> str:
        return f"/{self.path}"

    def clean(self) -> None:
        """Refuse invalid options, paths of the project, and a whole host without a login page."""
        if not isinstance(self.options, dict):
            raise ValidationError({"options": _('Enter a JSON object, such as {} or {"theme": "dark"}.')})
        if self.is_for_staff and not self.path:
            raise ValidationError(
                {
                    "path": _(
                        "A mount on the whole host would hide the login page. Enter a path, or turn off staff only."
                    )
                }
            )
        if first_segment(self.path) in project_segments():
            text = _("The shop already uses /%(first)s/. Choose another path.")
            raise ValidationError({"path": text % {"first": first_segment(self.path)}})

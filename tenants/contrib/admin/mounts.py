"""Mounted applications, on their tenant's page of the operator's admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from tenants.contrib.accounts.admin_base import UntitledInline
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.factories import check_options
from tenants.contrib.mounts.models import Mount
from tenants.errors import ConfigurationError


class MountForm(forms.ModelForm):  # type: ignore[type-arg]  # a plain class at run time
    class Meta:
        model = Mount
        fields = ["path", "app", "is_on", "is_for_staff", "options"]
        # One row high, since most mounts have no options.
        widgets = {"options": UnfoldAdminTextareaWidget(attrs={"rows": 1})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # An application that is no longer offered stays selectable.
        known = dict.fromkeys([*filter(None, [self.instance.app]), *mount_settings().mounts])
        self.fields["app"] = forms.ChoiceField(
            label=capfirst(_("application")),
            choices=[(name, name) for name in known],
            widget=UnfoldAdminSelectWidget,
        )

    def clean(self) -> dict[str, Any]:
        """Refuse options that the factory does not accept."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        app, options = cleaned.get("app"), cleaned.get("options")
        if app and isinstance(options, dict):
            try:
                check_options(app, options)
            except ConfigurationError as error:
                self.add_error("options", str(error))
        return cleaned


class MountInline(UntitledInline):
    model = Mount
    form = MountForm
    extra = 0

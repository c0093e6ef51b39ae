"""Scopes in admin forms, as checkboxes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import Permission
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from tenants.contrib.api.auth import scope_of
from tenants.contrib.oauth.scopes import INTROSPECTION, sorted_scopes


class ScopesField(forms.MultipleChoiceField):
    """Scopes, stored as text separated by spaces."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def prepare_value(self, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value

    def clean(self, value: Any) -> str:
        return " ".join(sorted_scopes(super().clean(value)))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


def scope_choices(scopes: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the choices of a form, with label and name of each scope."""
    return [(scope, f"{label} ({scope})") for scope, label in scopes.items()]


def scopes_beyond(user: Any, scopes: Iterable[str]) -> set[str]:
    """Return those scopes that include a permission which the user does not have."""
    if user.is_superuser:
        return set()
    held, lacking = user.get_all_permissions(), {INTROSPECTION}
    for app, codename in Permission.objects.values_list("content_type__app_label", "codename"):
        if f"{app}.{codename}" not in held:
            lacking.add(scope_of(f"{app}.{codename}"))
    return lacking.intersection(scopes)

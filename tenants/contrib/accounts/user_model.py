"""Options of an admin of users that fit the project's User model, whichever it is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserChangeForm, UserCreationForm

_PERMISSIONS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
_DATES = ("last_login", "date_joined")


def existing(*names: str) -> list[str]:
    """Return those names that are fields of the User model, each once."""
    options = get_user_model()._meta
    known = {field.name for field in (*options.concrete_fields, *options.many_to_many)}
    return [name for name in dict.fromkeys(names) if name in known]


def name_fields() -> list[str]:
    """Return the fields by which a user signs in and gets mail."""
    users: Any = get_user_model()
    return existing(users.USERNAME_FIELD, users.get_email_field_name())


def email_of(user: Any) -> str:
    return getattr(user, type(user).get_email_field_name(), None) or ""


def full_name_of(user: Any) -> str:
    """Return a user's full name; empty if the model has no `get_full_name`."""
    return user.get_full_name() if hasattr(user, "get_full_name") else ""


def fieldsets() -> Any:
    users: Any = get_user_model()
    login = [users.USERNAME_FIELD, "password"]
    shown = {*login, *_PERMISSIONS, *_DATES, users._meta.pk.name}
    personal = [field.name for field in users._meta.concrete_fields if field.editable and field.name not in shown]
    groups = [
        (None, login),
        (_("Personal info"), personal),
        (_("Permissions"), existing(*_PERMISSIONS)),
        (_("Important dates"), existing(*_DATES)),
    ]
    return [(title, {"fields": fields}) for title, fields in groups if fields]


def add_fieldsets() -> Any:
    fields = [*_creation_fields(), "usable_password", "password1", "password2"]
    return [(None, {"classes": ("wide",), "fields": fields})]


def change_form() -> Any:
    """Return the form of a user's page; Django's own is for `auth.User` alone."""
    users: Any = get_user_model()
    meta = type("Meta", (), {"model": users, "fields": "__all__", "field_classes": _field_classes(UserChangeForm)})
    return type("UserChangeForm", (UserChangeForm,), {"Meta": meta})


def creation_form() -> Any:
    users: Any = get_user_model()
    names = {"model": users, "fields": _creation_fields(), "field_classes": _field_classes(UserCreationForm)}
    return type("UserCreationForm", (UserCreationForm,), {"Meta": type("Meta", (), names)})


def _creation_fields() -> list[str]:
    users: Any = get_user_model()
    # Django's form for its own model leaves the e-mail address out.
    required = [] if users._meta.label == "auth.User" else existing(*users.REQUIRED_FIELDS)
    return [users.USERNAME_FIELD, *required]


def _field_classes(form: Any) -> dict[str, Any]:
    classes: dict[str, Any] = form._meta.field_classes or {}
    return {name: field for name, field in classes.items() if existing(name)}

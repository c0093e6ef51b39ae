"""The project's User model, whichever it is: where its table is, and the values of an owner's account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import CharField, Field, TextField
from django.db.models.fields import NOT_PROVIDED

from tenants.context import current_tenant
from tenants.errors import ConfigurationError, InvalidOption
from tenants.isolation.app_placement import Placement, describe_placement, is_installed_for, placement_of

_STEP = "tenants.lifecycle.owner.create_owner"


def has_users() -> bool:
    """Return whether the active tenant's schema has a table of users."""
    return is_installed_for(_label(), current_tenant())


def tenants_have_users() -> bool:
    """Return whether the schemas of tenants have a table of users."""
    return placement_of(_label()) in {Placement.TENANT, Placement.COMMON}


def _label() -> str:
    return settings.AUTH_USER_MODEL.partition(".")[0]


def unsaved_owner(email: str) -> Any:
    """Return an owner that is not saved, for validators of passwords, which compare with the user's fields."""
    users: Any = get_user_model()
    names = (users.USERNAME_FIELD, users.get_email_field_name())
    return users(**{name: email for name in names if _is_text(name)})


def require_users() -> None:
    """Raise `ConfigurationError` if the active tenant's schema has no table of users."""
    if not has_users():
        raise ConfigurationError(
            f"A tenant cannot have an owner: the tables of {settings.AUTH_USER_MODEL} are only in "
            f"{describe_placement(_label())}. Move the app to COMMON_APPS or TENANT_APPS, or leave the owner "
            f"out."
        )


def find_owner(email: str) -> Any:
    """Return the active tenant's user with this e-mail address or user name, or None."""
    users: Any = get_user_model()
    names = [name for name in (users.USERNAME_FIELD, users.get_email_field_name()) if _is_text(name)]
    # A manager may normalise addresses: Django's writes the domain in lower case.
    for lookup in ("exact", "iexact"):
        for name in dict.fromkeys(names):
            found = users._base_manager.filter(**{f"{name}__{lookup}": email}).order_by("pk").first()
            if found is not None:
                return found
    return None


def owner_values(email: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the manager's `create_superuser`, without the password.

    Raises `ConfigurationError` if the model needs more than an address and `fields`, and `InvalidOption` for an
    invalid value.
    """
    users: Any = get_user_model()
    given = {name: _cleaned(name, value) for name, value in fields.items()}
    for name in (users.USERNAME_FIELD, users.get_email_field_name()):
        if name not in given and _field(name) is not None:
            _check_takes_address(name, email)
            given[name] = email
    missing = [name for name in users.REQUIRED_FIELDS if name not in given and not _fill(name, given)]
    if missing:
        raise ConfigurationError(
            f"Creating the owner failed: {users._meta.label} requires {', '.join(missing)}. Give values in "
            f"TenantSpec.owner_fields (create_tenant --owner-field {missing[0]}=…), or name a function of your own in "
            f"TENANTS['STEPS'] instead of {_STEP}."
        )
    return given


def fields_to_ask_for() -> list[Field[Any, Any]]:
    """Return the fields of the User model that an owner needs beyond an address and a password."""
    users: Any = get_user_model()
    address = [name for name in (users.USERNAME_FIELD, users.get_email_field_name()) if _is_text(name)]
    names = dict.fromkeys((users.USERNAME_FIELD, *users.REQUIRED_FIELDS))
    found = [_field(name) for name in names if name not in address and not _fill(name, {})]
    return [field for field in found if field is not None]


def _field(name: str) -> Field[Any, Any] | None:
    try:
        found = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, Field) else None


def _is_text(name: str) -> bool:
    return isinstance(_field(name), CharField | TextField)


def _cleaned(name: str, value: Any) -> Any:
    field = _field(name)
    if field is None:
        raise InvalidOption("owner_fields", name, f"names of fields of {get_user_model()._meta.label}")
    try:
        return field.clean(value, None)
    except ValidationError as error:
        raise InvalidOption("owner_fields", f"{name}={value}", " ".join(error.messages).rstrip(".")) from error


def _check_takes_address(name: str, email: str) -> None:
    """Raise `ConfigurationError` if the field cannot have the owner's address, such as a number of a telephone."""
    size = getattr(_field(name), "max_length", None)
    if not _is_text(name) or (size is not None and len(email) > size):
        raise ConfigurationError(
            f"Creating the owner failed: {get_user_model()._meta.label}.{name} cannot be {email!r}. Give its value in "
            f"TenantSpec.owner_fields (create_tenant --owner-field {name}=…)."
        )


def _fill(name: str, given: dict[str, Any]) -> bool:
    """Add a required field's default, or a blank; return False if it has neither."""
    field = _field(name)
    if field is None or (field.default is NOT_PROVIDED and not field.blank and not field.null):
        return False
    given[name] = field.get_default()
    return True

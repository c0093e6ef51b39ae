"""Forms of tenants in Django's admin: one creates a tenant with its owner, the other changes its row."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import EMPTY_VALUES
from django.utils.translation import gettext_lazy as _

from tenants.errors import InvalidName, TenancyError, TenantExists
from tenants.lifecycle import TenantSpec
from tenants.lifecycle.create import time_zones
from tenants.lifecycle.users import fields_to_ask_for, tenants_have_users, unsaved_owner
from tenants.models import Tenant
from tenants.variants.discovery import known_variants

GENERAL_FIELDS = ("name", "language", "currency", "time_zone", "api_version", "staff_second_factor")
LIMIT_FIELDS = ("plan", "max_concurrency", "max_queue", "max_rate", "max_burst", "max_statement_seconds")
OWNER_FIELDS = ("owner_email", "owner_password")
_PREFIX = "owner_"


def owner_form_fields(**options: Any) -> dict[str, Any]:
    """Return fields for those of the User model that an owner needs, beyond an address and a password."""
    fields = fields_to_ask_for() if tenants_have_users() else []
    found = {f"{_PREFIX}{field.name}": field.formfield(required=False, **options) for field in fields}
    return {name: field for name, field in found.items() if field is not None}  # None: not editable


def owner_fields_of(cleaned_data: dict[str, Any]) -> dict[str, Any]:
    """Return the values for `TenantSpec.owner_fields`, without empty ones, which the model may need."""
    given = {name: cleaned_data.get(name) for name in owner_form_fields()}
    return {name.removeprefix(_PREFIX): value for name, value in given.items() if value not in EMPTY_VALUES}


class TenantForm(forms.ModelForm):
    class Meta:
        model = Tenant
        fields = (*GENERAL_FIELDS, *LIMIT_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "language" in self.fields:  # missing without the permission to change
            self.fields["language"].widget = forms.Select(choices=settings.LANGUAGES)

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name not in time_zones():
            raise ValidationError(_("Give a name of the time zone database, such as Asia/Seoul."))
        return name


class NewTenantForm(TenantForm):
    """Its `save` is not called: `create_tenant` makes the row, with schema, role and tables."""

    refused: TenancyError | None = None
    """What `create_tenant` has raised for these values."""
    variant_name = forms.ChoiceField(label=_("variant"))  # the model's field is not editable
    owner_email = forms.EmailField(
        label=_("owner’s e-mail address"),
        required=False,
        help_text=_("The first user, with all permissions in this shop only."),
    )
    owner_password = forms.CharField(
        label=_("owner’s password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=True),
        help_text=_("Empty: you get a link with which the owner sets a password."),
    )

    class Meta:
        model = Tenant
        fields = ("name", "slug", "language", "currency", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        variant: Any = self.fields["variant_name"]
        variant.choices = [(name, name) for name in sorted(known_variants())]
        variant.initial = "default"

    def clean(self) -> dict[str, Any]:
        """Validate the password for this owner; show what `create_tenant` refused."""
        password, email = self.cleaned_data.get("owner_password"), self.cleaned_data.get("owner_email", "")
        if password and email:
            try:
                validate_password(password, unsaved_owner(email))
            except ValidationError as error:
                self.add_error("owner_password", error)
        if self.refused is not None:
            self.add_error("slug" if isinstance(self.refused, InvalidName | TenantExists) else None, str(self.refused))
        return self.cleaned_data

    def spec(self) -> TenantSpec:
        names = ("slug", "name", "language", "currency", "time_zone", "owner_email")
        values = {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}
        return TenantSpec(
            **values,
            variant=self.cleaned_data["variant_name"],
            owner_password=self.cleaned_data.get("owner_password") or None,
            owner_fields=owner_fields_of(self.cleaned_data),
        )

"""Forms of the account pages: code, e-mail address, invitation."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminTextInputWidget,
)

from tenants.contrib.accounts.user_model import existing, name_fields


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": ""}
        ),
    )

    def add_invalid_code(self) -> None:
        # One text for a wrong, a used and a throttled code: an attacker learns nothing from it.
        self.add_error("code", _("Invalid code, or too soon after a wrong one. Wait a moment and enter a new code."))


class AddressForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": ""}),
    )


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=150,  # it is the user name as well
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("Receives the link, and is the user name for signing in."),
    )
    first_name = forms.CharField(
        label=_("First name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    last_name = forms.CharField(label=_("Last name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget)
    groups: Any = forms.ModelMultipleChoiceField(
        label=_("Groups"),
        queryset=None,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Groups give permissions. A user without a group can sign in, but sees nothing."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users: Any = get_user_model()
        for name in ("first_name", "last_name", "groups"):
            if not existing(name):
                del self.fields[name]
        for name in existing(*users.REQUIRED_FIELDS):
            if name not in {*self.fields, *name_fields()}:
                self.fields[name] = users._meta.get_field(name).formfield()
        if "groups" in self.fields:
            # Not in the class body: a queryset belongs to the tenant that is active when it is created.
            cast(Any, self.fields["groups"]).queryset = Group.objects.all()

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        users: Any = get_user_model()
        if size := users._meta.get_field(users.USERNAME_FIELD).max_length:
            MaxLengthValidator(size)(email)
        if _is_taken(email):
            raise ValidationError(_("A user with this address already exists."))
        return email

    def save(self) -> Any:
        """Create the user, without a password."""
        users: Any = get_user_model()
        others = {name: value for name, value in self.cleaned_data.items() if name not in {"email", "groups"}}
        values = dict.fromkeys(name_fields(), self.cleaned_data["email"]) | others
        user = users._default_manager.create_user(**values, password=None, is_staff=True)
        if "groups" in self.fields:
            user.groups.set(self.cleaned_data["groups"])
        return user


def _is_taken(email: str) -> bool:
    users: Any = get_user_model()
    return any(users._base_manager.filter(**{f"{name}__iexact": email}).exists() for name in name_fields())

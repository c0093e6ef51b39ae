"""Forms of the account pages: code, e-mail address, invitation."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminTextInputWidget,
)


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
        # Not in the class body: a queryset belongs to the tenant that is active when it is created.
        cast(Any, self.fields["groups"]).queryset = Group.objects.all()

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if _is_taken(email):
            raise ValidationError(_("A user with this address already exists."))
        return email

    def save(self) -> Any:
        """Create the user, without a password."""
        data = self.cleaned_data
        users: Any = get_user_model()
        names = {"first_name": data["first_name"], "last_name": data["last_name"]}
        user = users._default_manager.create_user(data["email"], data["email"], None, is_staff=True, **names)
        user.groups.set(data["groups"])
        return user


def _is_taken(email: str) -> bool:
    users: Any = get_user_model()
    name = {f"{users.USERNAME_FIELD}__iexact": email}
    address = {f"{users.get_email_field_name()}__iexact": email}
    return bool(users._default_manager.filter(**name).exists() or users._default_manager.filter(**address).exists())

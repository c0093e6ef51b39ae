"""Forms of those who sign in: a code, an address, an invitation."""

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
    """Asks for a code of the second factor; `check` takes it and tells whether it is right."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": ""}
        ),
    )

    def refuse(self) -> None:
        """Say that the code is wrong, or comes too soon after a wrong one: which of both is nobody's business."""
        self.add_error("code", _("This code is not right, was used already, or came too soon after a wrong one."))


class AddressForm(forms.Form):
    """Asks where a link is to be sent."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": ""}),
    )


class InvitationForm(forms.Form):
    """Who is invited to work here, and what they may do."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=150,  # it is the user name as well
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("The link goes here, and they sign in with it."),
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
        help_text=_("What they may do here. Without a group they see nothing yet."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Here, and not in the body of the class: a queryset belongs to whoever is active when it is made.
        cast(Any, self.fields["groups"]).queryset = Group.objects.all()

    def clean_email(self) -> str:
        """Refuse the address of somebody who has an account."""
        email: str = self.cleaned_data["email"]
        if _is_taken(email):
            raise ValidationError(_("Somebody here has this address already."))
        return email

    def save(self) -> Any:
        """Make the account, with no password, and return it."""
        given = self.cleaned_data
        users: Any = get_user_model()
        names = {"first_name": given["first_name"], "last_name": given["last_name"]}
        user = users._default_manager.create_user(given["email"], given["email"], None, is_staff=True, **names)
        user.groups.set(given["groups"])
        return user


def _is_taken(email: str) -> bool:
    """Tell whether somebody signs in by this address, or has it."""
    users: Any = get_user_model()
    name = {f"{users.USERNAME_FIELD}__iexact": email}
    address = {f"{users.get_email_field_name()}__iexact": email}
    return bool(users._default_manager.filter(**name).exists() or users._default_manager.filter(**address).exists())

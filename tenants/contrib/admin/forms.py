"""Forms for tenants: opening one, changing one, and taking one away."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminTextInputWidget,
)

from tenants.contrib.admin.fields import (
    api_version_field,
    currency_field,
    keep_choice,
    language_field,
    plan_field,
    time_zone_field,
    variant_field,
)
from tenants.errors import DomainTaken, InvalidHost, InvalidName, TenancyError, TenantExists
from tenants.lifecycle import NewTenant
from tenants.models import Domain, Tenant, check_slug

_FIELD_OF: dict[type[TenancyError], str] = {
    InvalidName: "slug",
    TenantExists: "slug",
    InvalidHost: "domain",
    DomainTaken: "domain",
}


OWN_LIMITS = ("max_concurrency", "max_queue", "max_rate", "max_burst", "max_statement_seconds")
"""Fields of `Tenant`; an empty one is as the tenant's plan says."""


def capitalise_labels(form: forms.BaseForm) -> None:
    """Begin labels as Django does those that it takes from models: one wording then serves both."""
    for field in form.fields.values():
        field.label = capfirst(field.label)


def refuse_taken(slug: str) -> None:
    """Refuse, as a form's field error, a slug that names a tenant already."""
    if Tenant.objects.filter(slug=slug).exists():
        raise ValidationError(_("There is a tenant with this slug already. Choose another."))


class NewTenantForm(forms.Form):
    """What `create_tenant` needs to know."""

    name = forms.CharField(
        label=_("name"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("How the shop is called, in any script."),
    )
    slug = forms.CharField(
        label=_("slug"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        help_text=Tenant._meta.get_field("slug").help_text,
    )
    domain = forms.CharField(
        label=_("domain"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocapitalize": "none", "spellcheck": "false", "inputmode": "url"}),
        help_text=_("A host name of the shop’s own, which becomes its address. Empty: its subdomain alone."),
    )
    variant = variant_field()
    language = language_field()
    currency = currency_field()
    time_zone = time_zone_field()
    owner_email = forms.EmailField(
        label=_("owner’s e-mail address"),
        max_length=150,  # it is the user name as well
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("The shop’s first user, with all rights in the shop and none outside it."),
    )
    # Given back after an error: it would be lost without a word, and the owner left without the password agreed on.
    owner_password = forms.CharField(
        label=_("owner’s password"),
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}, render_value=True),
        help_text=_("Empty: you get a link for the owner to set one."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capitalise_labels(self)
        usual = Tenant()
        for name in ("variant", "language", "currency", "time_zone"):
            self.fields[name].initial = getattr(usual, name)

    def clean_slug(self) -> str:
        """Refuse a slug that cannot name a tenant, or does so already."""
        slug: str = self.cleaned_data["slug"]
        check_slug(slug)
        refuse_taken(slug)
        return slug

    def clean_domain(self) -> str:
        """Return the one spelling of the host; refuse one that is the platform's or somebody's."""
        domain = Domain(host=self.cleaned_data["domain"])
        if domain.host:
            try:
                domain.full_clean(exclude=["tenant"])
            except ValidationError as error:
                raise ValidationError(error.error_dict["host"]) from error
        return str(domain.host)

    def clean(self) -> dict[str, Any]:
        """Refuse a password that the project's validators refuse for this owner."""
        password, email = self.cleaned_data.get("owner_password"), self.cleaned_data.get("owner_email", "")
        if password:
            try:
                validate_password(password, get_user_model()(username=email, email=email))
            except ValidationError as error:
                self.add_error("owner_password", error)
        return self.cleaned_data

    def order(self) -> NewTenant:
        """Return what is asked for, once the form is valid."""
        return NewTenant(**{**self.cleaned_data, "owner_password": self.cleaned_data["owner_password"] or None})

    def refuse(self, error: TenancyError) -> None:
        """Show an error of `create_tenant` beside the field that it is about."""
        self.add_error(_FIELD_OF.get(type(error)), str(error))


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]  # a plain class at run time
    """What may change in a tenant without anything else having to follow."""

    language = language_field()
    currency = currency_field()
    time_zone = time_zone_field()
    api_version = api_version_field()
    plan = plan_field()

    class Meta:
        model = Tenant
        fields = [
            "name",
            "language",
            "currency",
            "time_zone",
            "api_version",
            "staff_second_factor",
            "plan",
            *OWN_LIMITS,
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capitalise_labels(self)
        for name in ("language", "currency", "time_zone", "api_version", "plan"):
            if name in self.fields:  # it is not for those who may only look
                keep_choice(self.fields[name], getattr(self.instance, name))


class DeleteTenantForm(forms.Form):
    """Asks for the slug, so that nobody deletes the shop that they were not thinking of."""

    slug = forms.CharField(
        label=_("slug"),
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capitalise_labels(self)
        self.tenant = tenant

    def clean_slug(self) -> str:
        """Refuse anything but the tenant's slug, letter by letter."""
        slug = cast(str, self.cleaned_data["slug"])
        if slug != self.tenant.slug:
            raise ValidationError(_("This is not the slug of the tenant. Nothing has been deleted."))
        return slug

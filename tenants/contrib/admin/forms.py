"""Forms of tenants: create, change, suspend, and confirm by slug."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from tenants.admin.forms import OWNER_FIELDS, owner_fields_of, owner_form_fields
from tenants.contrib.admin.fields import choice_field, keep_choice
from tenants.errors import DomainTaken, InvalidHost, InvalidName, TenancyError, TenantExists
from tenants.lifecycle import TenantSpec
from tenants.lifecycle.users import tenants_have_users, unsaved_owner
from tenants.models import Domain, Tenant, check_slug

GENERAL_FIELDS = ("name", "language", "currency", "time_zone", "api_version", "staff_second_factor")
LIMIT_FIELDS = ("max_concurrency", "max_queue", "max_rate", "max_burst", "max_statement_seconds")

_FIELD_OF: dict[type[TenancyError], str] = {
    InvalidName: "slug",
    TenantExists: "slug",
    InvalidHost: "domain",
    DomainTaken: "domain",
}
_VERBATIM = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class CapitalizedLabelsMixin(forms.BaseForm):
    """Capitalizes labels, as Django does with those of models, so that one translation serves both."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.label = capfirst(field.label)


def slug_field(help_text: Any = "") -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs=_VERBATIM)
    return forms.CharField(label=Tenant._meta.get_field("slug").verbose_name, widget=widget, help_text=help_text)


def check_new_slug(slug: str) -> str:
    """Return the slug; raise `ValidationError` if it is invalid or taken."""
    check_slug(slug)
    if Tenant.objects.filter(slug=slug).exists():
        raise ValidationError(_("A tenant with this slug already exists. Choose another."))
    return slug


class NewTenantForm(CapitalizedLabelsMixin, forms.Form):
    name = forms.CharField(
        label=_("name"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Name of the shop, in any script."),
    )
    slug = slug_field(Tenant._meta.get_field("slug").help_text)
    domain = forms.CharField(
        label=_("domain"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs=_VERBATIM | {"inputmode": "url"}),
        help_text=_("Custom domain of the shop. Empty: only its subdomain."),
    )
    variant = choice_field("variant")
    language = choice_field("language")
    currency = choice_field("currency")
    time_zone = choice_field("time_zone")
    owner_email = forms.EmailField(
        label=_("owner’s e-mail address"),
        max_length=150,  # it is the user name as well
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("The first user, with all permissions in this shop only."),
    )
    # Rendered again after an error: otherwise it is lost without notice, and the owner gets a link instead.
    owner_password = forms.CharField(
        label=_("owner’s password"),
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}, render_value=True),
        help_text=_("Empty: you get a link with which the owner sets a password."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        defaults = Tenant()
        for name in ("variant", "language", "currency", "time_zone"):
            self.fields[name].initial = getattr(defaults, name)
        if tenants_have_users():
            self.fields |= owner_form_fields()
            for name in owner_form_fields():
                self.fields[name].label = capfirst(self.fields[name].label)
                self.fields[name].widget.attrs["class"] = " ".join(INPUT_CLASSES)
        else:
            for name in OWNER_FIELDS:
                del self.fields[name]

    @property
    def fieldsets(self) -> list[tuple[Any, dict[str, Any]]]:
        owner = [name for name in self.fields if name.startswith("owner_")]
        shop = [name for name in self.fields if name not in owner]
        fieldsets = [(_("Shop"), {"fields": shop}), (_("Owner"), {"fields": owner})]
        return fieldsets if owner else fieldsets[:1]

    def clean_slug(self) -> str:
        return check_new_slug(self.cleaned_data["slug"])

    def clean_domain(self) -> str:
        """Return the normalized host; refuse one of the platform or of another tenant."""
        domain = Domain(host=self.cleaned_data["domain"])
        if domain.host:
            try:
                domain.full_clean(exclude=["tenant"])
            except ValidationError as error:
                raise ValidationError(error.error_dict["host"]) from error
        return str(domain.host)

    def clean(self) -> dict[str, Any]:
        """Validate the password for this owner."""
        password, email = self.cleaned_data.get("owner_password"), self.cleaned_data.get("owner_email", "")
        if password:
            try:
                validate_password(password, unsaved_owner(email))
            except ValidationError as error:
                self.add_error("owner_password", error)
        return self.cleaned_data

    def spec(self) -> TenantSpec:
        values = {name: value for name, value in self.cleaned_data.items() if not name.startswith("owner_")}
        return TenantSpec(
            **values,
            owner_email=self.cleaned_data.get("owner_email", ""),
            owner_password=self.cleaned_data.get("owner_password") or None,
            owner_fields=owner_fields_of(self.cleaned_data),
        )

    def add_tenancy_error(self, error: TenancyError) -> None:
        """Show an error of `create_tenant` at its field."""
        self.add_error(_FIELD_OF.get(type(error)), str(error))


class TenantForm(CapitalizedLabelsMixin, forms.ModelForm):  # type: ignore[type-arg]  # a plain class at run time
    language = choice_field("language")
    currency = choice_field("currency")
    time_zone = choice_field("time_zone")
    api_version = choice_field("api_version")
    plan = choice_field("plan")

    class Meta:
        model = Tenant
        fields = (*GENERAL_FIELDS, "plan", *LIMIT_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("language", "currency", "time_zone", "api_version", "plan"):
            if name in self.fields:  # missing without the permission to change
                keep_choice(self.fields[name], getattr(self.instance, name))


class SuspendForm(CapitalizedLabelsMixin, forms.Form):
    notice = forms.CharField(
        label=_("notice"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("Shown to visitors until you resume the shop."),
    )


class SlugConfirmationForm(CapitalizedLabelsMixin, forms.Form):
    """Asks for the tenant's slug before it is deleted or purged."""

    slug = slug_field()

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant

    def clean_slug(self) -> str:
        slug = cast(str, self.cleaned_data["slug"])
        if slug != self.tenant.slug:
            raise ValidationError(_("This is not the slug of the tenant. Nothing was deleted."))
        return slug

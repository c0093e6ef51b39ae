"""Forms for operations on tenants: what a clone and a restored tenant are called, and which variant one gets."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from tenants.contrib.admin.forms import capitalise_labels, refuse_taken
from tenants.errors import InvalidMappingFile
from tenants.lifecycle.variant_csv import MappingText, check_mappings
from tenants.models import Tenant, check_slug
from tenants.tasks.backup_files import backup_files
from tenants.variants.discovery import known_variants
from tenants.variants.labels import children_of

_MAX_MAPPING_BYTES = 2_000_000
"""The file travels in the row of the operation."""

_AS_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class NewSlugForm(forms.Form):
    """What a tenant is to be called in addresses."""

    new_slug = forms.CharField(
        label=_("slug"),
        widget=UnfoldAdminTextInputWidget(attrs=_AS_TYPED),
        help_text=Tenant._meta.get_field("slug").help_text,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capitalise_labels(self)

    def clean_new_slug(self) -> str:
        """Refuse a slug that cannot name a tenant, or does so already."""
        slug: str = self.cleaned_data["new_slug"]
        check_slug(slug)
        refuse_taken(slug)
        return slug


class CloneForm(NewSlugForm):
    """What `clone_tenant` needs to know."""

    name = forms.CharField(
        label=_("name"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Empty: the slug."),
    )
    anonymise = forms.BooleanField(
        label=_("without personal data"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("For copies that are tried things on: names, addresses and e-mail addresses are replaced."),
    )


class VariantForm(forms.Form):
    """Which variant a tenant gets, of those that it has not, and what its rows begin with there."""

    variant = forms.ChoiceField(label=_("variant"), widget=UnfoldAdminSelectWidget)
    mapping = forms.FileField(
        label=_("mapping file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text=_(
            "What the rows begin with, as CSV in UTF-8: the first column is a field that tells them apart, such as "
            "slug, the others are fields of the variant. Without a file they begin with the defaults."
        ),
    )
    model = forms.ChoiceField(
        label=_("model of the file"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Needed where the variant has several."),
    )

    def __init__(self, now: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capitalise_labels(self)
        variants = sorted(known_variants() - {now})
        models = {child.__name__ for variant in variants for child, *_parent in children_of(variant)}
        self._offer("variant", {name: name for name in variants})
        self._offer("model", {"": gettext("The only one"), **{name: name for name in sorted(models)}})

    def _offer(self, field: str, choices: dict[str, str]) -> None:
        cast(forms.ChoiceField, self.fields[field]).choices = list(choices.items())

    def clean_mapping(self) -> MappingText | None:
        """Return the file as text; refuse one that is too large, or no text."""
        file = self.cleaned_data["mapping"]
        if not file:
            return None
        if file.size > _MAX_MAPPING_BYTES:
            limit = filesizeformat(_MAX_MAPPING_BYTES)
            raise ValidationError(_("The file is larger than %s. Use manage.py set_variant for it.") % limit)
        try:
            return MappingText(file.name, file.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise ValidationError(_("The file is not in UTF-8.")) from None

    def clean(self) -> dict[str, Any]:
        """Refuse a file that makes no sense for the variant, with the line and the column of all that is wrong."""
        variant, file = self.cleaned_data.get("variant"), self.cleaned_data.get("mapping")
        if variant and file:
            try:
                check_mappings(variant, {self.cleaned_data.get("model", ""): file})
            except InvalidMappingFile as error:
                self.add_error("mapping", [ValidationError(problem) for problem in error.problems])
        return self.cleaned_data

    @property
    def arguments(self) -> dict[str, Any]:
        """What the operation has to know."""
        given = self.cleaned_data
        file = given["mapping"]
        mapping = {"mapping": {given["model"]: asdict(file)}} if file else {}
        return {"variant": given["variant"], **mapping}


class RestoreForm(forms.Form):
    """What `restore_tenant` needs to know; the file is one of those in the folder of backups."""

    file = forms.ChoiceField(label=_("backup"), widget=UnfoldAdminSelectWidget)
    slug = forms.CharField(
        label=_("slug"),
        widget=UnfoldAdminTextInputWidget(attrs=_AS_TYPED),
        help_text=_("Of the shop that it becomes, or in whose place it comes."),
    )
    over = forms.BooleanField(
        label=_("in the place of the shop that is there"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("That one is deleted, under another slug, and can be brought back like any deleted shop."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capitalise_labels(self)
        field = cast(forms.ChoiceField, self.fields["file"])
        field.choices = [(str(file), file.name) for file in backup_files()]

    @property
    def has_backups(self) -> bool:
        """Whether there is any file to choose."""
        return bool(cast(forms.ChoiceField, self.fields["file"]).choices)

    def clean(self) -> dict[str, Any]:
        """Refuse a slug that is taken, or with `over` one that nobody has."""
        slug, over = self.cleaned_data.get("slug"), self.cleaned_data.get("over")
        if slug and over:
            statuses = [Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED]
            if not Tenant.objects.filter(slug=slug, status__in=statuses).exists():
                self.add_error("slug", _("There is no such shop in whose place it could come."))
        elif slug:
            try:
                check_slug(slug)
                refuse_taken(slug)
            except ValidationError as error:
                self.add_error("slug", error)
        return self.cleaned_data

"""Forms of operations: clone, change the variant, restore a backup."""

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

from tenants.contrib.admin.forms import CapitalizedLabelsMixin, check_new_slug, slug_field
from tenants.errors import InvalidMappingFile
from tenants.lifecycle.variant_csv import MappingText, check_mappings
from tenants.models import Tenant
from tenants.tasks.backup_files import backup_files
from tenants.variants.discovery import known_variants
from tenants.variants.labels import children_of

# The file is stored in the row of the operation.
_MAX_MAPPING_BYTES = 2_000_000


class NewSlugForm(CapitalizedLabelsMixin, forms.Form):
    new_slug = slug_field(Tenant._meta.get_field("slug").help_text)

    def clean_new_slug(self) -> str:
        return check_new_slug(self.cleaned_data["new_slug"])


class CloneForm(NewSlugForm):
    name = forms.CharField(
        label=_("name"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Empty: the slug."),
    )
    anonymize = forms.BooleanField(
        label=_("without personal data"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("For test copies: replaces names, addresses and e-mail addresses."),
    )


class VariantForm(CapitalizedLabelsMixin, forms.Form):
    variant = forms.ChoiceField(label=_("variant"), widget=UnfoldAdminSelectWidget)
    mapping = forms.FileField(
        label=_("mapping file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text=_(
            "Initial values of the variant’s fields, as CSV in UTF-8. The first column is a unique field, such as "
            "slug; the others are fields of the variant. Without a file, rows get the default values."
        ),
    )
    model = forms.ChoiceField(
        label=_("model of the file"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Required if the variant has several models."),
    )

    def __init__(self, current: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        variants = sorted(known_variants() - {current})
        models = {child.__name__ for variant in variants for child, *_parent in children_of(variant)}
        self._set_choices("variant", {name: name for name in variants})
        self._set_choices("model", {"": gettext("The only one"), **{name: name for name in sorted(models)}})

    def _set_choices(self, field: str, choices: dict[str, str]) -> None:
        cast(forms.ChoiceField, self.fields[field]).choices = list(choices.items())

    def clean_mapping(self) -> MappingText | None:
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
        """Check the file against the variant; each error names its line and column."""
        variant, file = self.cleaned_data.get("variant"), self.cleaned_data.get("mapping")
        if variant and file:
            try:
                check_mappings(variant, {self.cleaned_data.get("model", ""): file})
            except InvalidMappingFile as error:
                self.add_error("mapping", [ValidationError(problem) for problem in error.problems])
        return self.cleaned_data

    @property
    def arguments(self) -> dict[str, Any]:
        data = self.cleaned_data
        file = data["mapping"]
        mapping = {"mapping": {data["model"]: asdict(file)}} if file else {}
        return {"variant": data["variant"], **mapping}


class RestoreForm(CapitalizedLabelsMixin, forms.Form):
    file = forms.ChoiceField(label=_("backup"), widget=UnfoldAdminSelectWidget)
    slug = slug_field(_("Slug of the new shop, or of the shop to replace."))
    over = forms.BooleanField(
        label=_("replace the existing shop"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("The existing shop is deleted under another slug. You can undelete it like any deleted shop."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["file"])
        # Only files in the folder of backups: a dump is executed as SQL.
        field.choices = [(str(file), file.name) for file in backup_files()]

    @property
    def has_backups(self) -> bool:
        return bool(cast(forms.ChoiceField, self.fields["file"]).choices)

    def clean(self) -> dict[str, Any]:
        slug, over = self.cleaned_data.get("slug"), self.cleaned_data.get("over")
        if slug and over:
            existing = Tenant.objects.filter(slug=slug, status__in=[Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED])
            if not existing.exists():
                self.add_error("slug", _("No active or suspended shop has this slug."))
        elif slug:
            try:
                check_new_slug(slug)
            except ValidationError as error:
                self.add_error("slug", error)
        return self.cleaned_data

"""Form fields, widgets and formsets for goods."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from unfold.contrib.forms.widgets import WysiwygWidget
from unfold.forms import PaginationInlineFormSet

from shop.goods.models import Picture, Sku
from shop.goods.rich_text import markup_of
from shop.goods.uploads import check_picture


class LinesField(SimpleArrayField):
    """A list of texts, one per line. Commas are a part of texts: “Red, dark”."""

    def __init__(self, base_field: forms.Field, **kwargs: Any) -> None:
        super().__init__(base_field, delimiter="\n", **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = "\n".join(line for line in value.splitlines() if line.strip())
        return super().to_python(value)


class DescriptionWidget(WysiwygWidget):
    """An HTML editor that also takes plain text."""

    def format_value(self, value: Any) -> Any:
        # A plain string to the template, which escapes it into an attribute.
        return markup_of(value) if isinstance(value, str) and value else super().format_value(value)


class SkuForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at runtime
    """A SKU. Stock is saved only if it was changed here: it does not undo orders placed since the page was opened."""

    class Meta:
        model = Sku
        fields = ["stock"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "stock" in self.fields:
            # Sends back the stock that the page showed, besides the one that was entered.
            self.fields["stock"].show_hidden_initial = True

    def clean_stock(self) -> int:
        stock: int = self.cleaned_data["stock"]
        if not self.instance.pk:
            return stock
        if "stock" not in self.changed_data:
            return int(self.instance.stock)
        shown = self.data.get(self.add_initial_prefix("stock"))
        if shown != str(self.instance.stock):
            left = {"stock": self.instance.stock}
            raise ValidationError(_("The stock is now %(stock)s. Reload this page and try again."), "stale", left)
        return stock


class PictureForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Picture
        fields = ["file"]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        return check_picture(file) if isinstance(file, UploadedFile) else file


class SkuFormSet(PaginationInlineFormSet):
    """The SKUs of one product. It compares codes of new SKUs, which the database does not know yet."""

    def clean(self) -> None:
        super().clean()
        seen = set()
        for form in self.forms:
            code = form.cleaned_data.get("code") if form.is_valid() and form not in self.deleted_forms else None
            if code in seen:
                raise ValidationError(_("Two variants have the SKU %(code)s."), code="twice", params={"code": code})
            if code:
                seen.add(code)

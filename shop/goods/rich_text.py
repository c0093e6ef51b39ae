"""Descriptions as HTML with nothing in it that could run, load or leave its place: cleaned on the way in and out.

A text without tags is plain text, and stays as it is.
"""

from __future__ import annotations

import re
from typing import Any

import nh3
from django.db import models
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe

_TAGS = frozenset(
    "a b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub sup"
    " table tbody td tfoot th thead tr u ul".split()
)
_ATTRIBUTES = {"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}
_SCHEMES = {"http", "https", "mailto", "tel"}
_WITH_ALL_INSIDE = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math"}
_OTHER_TAGS = frozenset(
    "article aside body button center embed figure font footer form header html img input link main meta nav picture"
    " section select source title textarea video audio".split()
)
"""Tags that are taken out, and also tell that a text is HTML: it is not, only because it has a `<` in it."""

_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_TAGS | _OTHER_TAGS | _WITH_ALL_INSIDE))})(?:[\s/][^<]*)?>", re.IGNORECASE)


def is_html(text: str) -> bool:
    """Tell whether a text has tags of HTML in it."""
    return _TAG.search(text) is not None


def clean_html(text: str) -> str:
    """Return HTML without what could do harm, and plain text as it is. Cleaning twice is cleaning once."""
    if not is_html(text):
        return text
    clean: str = nh3.clean(
        text,
        tags=set(_TAGS),
        clean_content_tags=_WITH_ALL_INSIDE,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener nofollow",
    )
    # The page has a heading of the first rank; tags have no attributes any more.
    return clean.replace("<h1>", "<h2>").replace("</h1>", "</h2>").strip()


def markup_of(text: str) -> str:
    """Return the HTML of a description, whatever is stored: cleaned, or made of plain text."""
    return clean_html(text) if is_html(text) else linebreaks(text, autoescape=True)


def as_markup(text: str) -> SafeString:
    """Return the same, to stand in a page as it is."""
    return mark_safe(markup_of(text))  # noqa: S308 - it is cleaned here and now


class RichTextField(models.TextField):
    """A text that may have markup. Nothing that could run is ever stored, whoever saves it and how."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = clean_html(value)
            setattr(model_instance, self.attname, value)
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return super().get_db_prep_save(clean_html(value) if isinstance(value, str) else value, connection)

    def deconstruct(self) -> tuple[Any, ...]:
        # To the database, and to migrations, it is a text like any other.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


@RichTextField.register_lookup
class TextAlone(models.Transform):
    """`description__text`: without the tags, for whoever looks for words."""

    lookup_name = "text"
    output_field = models.TextField()

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        sql, params = compiler.compile(self.lhs)
        return f"regexp_replace({sql}, '</?[a-z][^>]*>', ' ', 'g')", list(params)

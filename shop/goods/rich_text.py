"""Descriptions as HTML without anything that could run, load or escape its place: cleaned when they are saved.

A text without tags is plain text and stays as it is. A page checks in one pass whether a stored text is clean, and
cleans only what is not. The time of nh3 grows with the square of the depth of nested tags, so its input is bounded. A
text beyond the bounds becomes plain text, or is refused where a person enters it.
"""

from __future__ import annotations

import re
from typing import Any

import nh3
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

MAX_CHARACTERS = 512 * 1024
"""The limit of Shopify."""
MAX_TAGS = 5_000
"""nh3 takes about 30 ms for so many if none is closed."""
MAX_DEPTH = 100
"""Maximum depth of nested tags after cleaning. Browsers stop at 512."""

_TAGS = frozenset(
    "a b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub sup"
    " table tbody td tfoot th thead tr u ul".split()
)
_ATTRIBUTES = {"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}
_SCHEMES = {"http", "https", "mailto", "tel"}
_REMOVED_WITH_CONTENT = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math"}
_OTHER_TAGS = frozenset(
    "article aside body button center embed figure font footer form header html img input link main meta nav picture"
    " section select source title textarea video audio".split()
)
"""Tags that are removed, and by which a text is recognized as HTML; a `<` alone does not make it that."""

_PLAIN_TAGS = "|".join(sorted(_TAGS - {"a", "h1"}))
_CLEAN_TAG = re.compile(
    rf"<(?:/(?P<end>{_PLAIN_TAGS}|a)|(?P<start>{_PLAIN_TAGS}"
    r"""|t[dh](?: (?:colspan|rowspan|scope)="[^"]*")+"""
    r"""|a(?: (?:href="(?:(?:https?:|mailto:|tel:|[/#?])[^"]*|[^":&\s]*)"|title="[^"]*"))* rel="noopener nofollow"))>"""
)
"""A tag as nh3 writes it with what is allowed above."""
_OPENING = re.compile("<[a-zA-Z]")
_VOID = frozenset(["br", "hr"])
_ANY_TAG = re.compile("<[^<>]*>")
_TAG = re.compile(
    rf"</?(?:{'|'.join(sorted(_TAGS | _OTHER_TAGS | _REMOVED_WITH_CONTENT))})(?:[\s/][^<]*)?>", re.IGNORECASE
)


def is_html(text: str) -> bool:
    return _TAG.search(text) is not None


def is_clean(text: str) -> bool:
    """Tell whether HTML has the form that `clean_html` gives it: known tags only, closed in order, not too deep."""
    inside: list[str] = []
    position = 0
    while (begin := text.find("<", position)) >= 0:
        tag = _CLEAN_TAG.match(text, begin)
        if tag is None:
            return False
        if tag["end"]:
            if not inside or inside.pop() != tag["end"]:
                return False
        elif (name := tag["start"].split(" ", 1)[0]) not in _VOID:
            inside.append(name)
            if len(inside) > MAX_DEPTH:
                return False
        position = tag.end()
    return not inside


def is_within_bounds(text: str) -> bool:
    return len(text) <= MAX_CHARACTERS and sum(1 for _tag in _OPENING.finditer(text)) <= MAX_TAGS


def validate_description(text: str) -> None:
    """Raise `ValidationError` for a text that cannot keep its markup: too long, too many tags, or nested too deep."""
    if len(text) > MAX_CHARACTERS:
        raise ValidationError(_("The text is longer than %(limit)s characters."), "too_long", {"limit": MAX_CHARACTERS})
    if is_html(text) and cleaned(text) is None:
        raise ValidationError(
            _("The HTML is too complex: at most %(limit)s tags, nested %(depth)s deep."),
            "too_complex",
            {"limit": MAX_TAGS, "depth": MAX_DEPTH},
        )


def clean_html(text: str) -> str:
    """Return HTML without harmful parts, and plain text as it is. Cleaning is idempotent.

    A text beyond the bounds loses its tags, and is cut where it is too long.
    """
    if not is_html(text):
        return text[:MAX_CHARACTERS]
    clean = cleaned(text)
    return without_tags(text) if clean is None else clean


def cleaned(text: str) -> str | None:
    """Return clean HTML, or None beyond the bounds."""
    if len(text) <= MAX_CHARACTERS and is_clean(text):
        return text
    if not is_within_bounds(text):
        return None
    clean: str = nh3.clean(
        text,
        tags=set(_TAGS),
        clean_content_tags=_REMOVED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener nofollow",
    )
    # The page has its own h1. Headings have no attributes any more.
    clean = clean.replace("<h1>", "<h2>").replace("</h1>", "</h2>").strip()
    # Unclosed tags that overlap multiply when they are closed and reopened.
    return clean if is_within_bounds(clean) and _depth(clean) <= MAX_DEPTH else None


def _depth(clean: str) -> int:
    depth = deepest = 0
    for tag in re.finditer(r"<(/?)([a-z0-9]+)", clean):
        if tag[2] not in _VOID:
            depth += -1 if tag[1] else 1
            deepest = max(deepest, depth)
    return deepest


def without_tags(text: str) -> str:
    plain = _ANY_TAG.sub("", text[:MAX_CHARACTERS]).strip()
    # Removing a tag can join the parts of another one.
    return plain.translate({ord("<"): None, ord(">"): None}) if is_html(plain) else plain


def markup_of(text: str) -> str:
    """Return the HTML of a stored description, cleaned or escaped where it is not clean."""
    if is_html(text) and is_html(clean := clean_html(text)):
        return clean
    return linebreaks(clean_html(text), autoescape=True)


def as_markup(text: str) -> SafeString:
    return mark_safe(markup_of(text))  # noqa: S308 - it is clean, or escaped


class RichTextField(models.TextField):  # type: ignore[type-arg]  # not generic at runtime
    """A text that may have markup. It is cleaned however it is saved."""

    default_validators = [*models.TextField.default_validators, validate_description]

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = clean_html(value)
            setattr(model_instance, self.attname, value)
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return super().get_db_prep_save(clean_html(value) if isinstance(value, str) else value, connection)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        # To the database and to migrations, it is a TextField.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", list(args), kwargs


@RichTextField.register_lookup
class TextOnly(models.Transform):
    """`description__text`: without the tags, for search."""

    lookup_name = "text"
    output_field = models.TextField()

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> Any:
        sql, params = compiler.compile(self.lhs)
        # Not `[^>]*`, which reads the rest of the text for each unclosed `<`.
        return f"regexp_replace({sql}, '</?[a-z][^<>]*>', ' ', 'g')", list(params)

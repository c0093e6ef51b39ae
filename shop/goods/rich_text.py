"""Descriptions as HTML with nothing in it that could run, load or leave its place: cleaned once, when they are saved.

A text without tags is plain text, and stays as it is. A page looks in one pass whether a stored text has the form that
cleaning gives it, and cleans only what has not. nh3 takes time by the square of the depth of nested tags: how much it
gets is bounded, and a text beyond the bounds becomes plain text, or is refused where a person can be asked.
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
"""As many as Shopify takes."""
MAX_TAGS = 5_000
"""nh3 takes some 30 ms for so many if none is closed."""
MAX_DEPTH = 100
"""Of tags in one another, once they are cleaned. Browsers stop at 512."""

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
_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_TAGS | _OTHER_TAGS | _WITH_ALL_INSIDE))})(?:[\s/][^<]*)?>", re.IGNORECASE)


def is_html(text: str) -> bool:
    """Tell whether a text has tags of HTML in it."""
    return _TAG.search(text) is not None


def is_clean(text: str) -> bool:
    """Tell whether HTML has the form that `clean_html` gives it: known tags alone, each closed in turn, not deep."""
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
    """Tell whether a text is short and simple enough to be cleaned."""
    return len(text) <= MAX_CHARACTERS and sum(1 for _tag in _OPENING.finditer(text)) <= MAX_TAGS


def validate_description(text: str) -> None:
    """Raise `ValidationError` for a text that cannot keep its markup: too long, too many tags, or too deep."""
    if len(text) > MAX_CHARACTERS:
        raise ValidationError(
            _("The text is too long: at most %(most)s characters."), "too_long", {"most": MAX_CHARACTERS}
        )
    if is_html(text) and cleaned(text) is None:
        raise ValidationError(
            _("The text has too many tags of HTML, or too many in one another: at most %(most)s, %(depth)s deep."),
            "too_complex",
            {"most": MAX_TAGS, "depth": MAX_DEPTH},
        )


def clean_html(text: str) -> str:
    """Return HTML without what could do harm, and plain text as it is. Cleaning twice is cleaning once.

    What is beyond the bounds is returned without its tags, and cut where it is too long.
    """
    if not is_html(text):
        return text[:MAX_CHARACTERS]
    clean = cleaned(text)
    return without_tags(text) if clean is None else clean


def cleaned(text: str) -> str | None:
    """Return clean HTML, or None if it is beyond the bounds."""
    if len(text) <= MAX_CHARACTERS and is_clean(text):
        return text
    if not is_within_bounds(text):
        return None
    clean: str = nh3.clean(
        text,
        tags=set(_TAGS),
        clean_content_tags=_WITH_ALL_INSIDE,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener nofollow",
    )
    # The page has a heading of the first rank; tags have no attributes any more.
    clean = clean.replace("<h1>", "<h2>").replace("</h1>", "</h2>").strip()
    # Unclosed tags that cross each other are many more once they are closed and opened again.
    return clean if is_within_bounds(clean) and _depth(clean) <= MAX_DEPTH else None


def _depth(clean: str) -> int:
    depth = deepest = 0
    for tag in re.finditer(r"<(/?)([a-z0-9]+)", clean):
        if tag[2] not in _VOID:
            depth += -1 if tag[1] else 1
            deepest = max(deepest, depth)
    return deepest


def without_tags(text: str) -> str:
    """Return plain text of HTML that is too much to be cleaned."""
    plain = _ANY_TAG.sub("", text[:MAX_CHARACTERS]).strip()
    # Taking one out can put another together.
    return plain.translate({ord("<"): None, ord(">"): None}) if is_html(plain) else plain


def markup_of(text: str) -> str:
    """Return the HTML of a stored description: what is clean as it is, the rest cleaned or escaped."""
    if is_html(text) and is_html(clean := clean_html(text)):
        return clean
    return linebreaks(clean_html(text), autoescape=True)


def as_markup(text: str) -> SafeString:
    """Return the same, to stand in a page as it is."""
    return mark_safe(markup_of(text))  # noqa: S308 - it is clean, or escaped


class RichTextField(models.TextField):
    """A text that may have markup. Nothing that could run is ever stored, however it is saved."""

    default_validators = (*models.TextField.default_validators, validate_description)

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
        # Not `[^>]*`, which looks through all of the text for each of many `<` that nothing closes.
        return f"regexp_replace({sql}, '</?[a-z][^<>]*>', ' ', 'g')", list(params)

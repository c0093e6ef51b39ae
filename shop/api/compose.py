"""Schemas of an API version, with the fields that a variant adds."""

from __future__ import annotations

from typing import Any, TypeVar

from ninja import Schema
from pydantic import create_model

from tenants.errors import InvalidVariant
from tenants.variants import resolve_for

S = TypeVar("S", bound=Schema)


def with_fields(base: type[S], variant: str, name: str, **fields: Any) -> type[S]:
    """Return `base` with the fields of the schema that `variant` has as `name`, and with `fields` replaced by others.

    `fields` are as pydantic's `create_model` takes them: what contains schemas of a variant has to be made for it too.
    The result is called like `base`, since for its clients it is the only one. Raises `InvalidVariant` for a field that
    `base` has already: what reads it knows nothing of the variant.
    """
    extra = resolve_for(variant, name)
    taken = sorted(extra.model_fields.keys() & base.model_fields.keys())
    if taken:
        raise InvalidVariant(
            variant,
            [
                f"{extra.__module__}: the schema {extra.__name__} defines {', '.join(taken)}, which {base.__name__} of "
                f"the API has for every shop. Call it something else."
            ],
        )
    made: type[S] = create_model(
        base.__name__, __base__=(extra, base), __doc__=base.__doc__, __module__=base.__module__, **fields
    )
    return made

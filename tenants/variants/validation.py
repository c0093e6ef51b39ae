"""Validation of overrides: what replaces a default has to accept the same calls and rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Field, Model


def override_errors(default: Any, override: Any) -> Iterator[str]:
    """Yield, in words, where an override cannot be used like its default."""
    from django.db.models import Model  # not above: settings import this package, and models need settings

    if isinstance(override, ModuleType):
        yield from _function_errors(default, override)
    elif issubclass(override, Model):
        yield from _field_errors(override)
    elif hasattr(default, "model_fields"):
        yield from _method_errors(default, override)


def _function_errors(default: ModuleType, override: ModuleType) -> Iterator[str]:
    for name, function in _public_functions(default):
        if function.__module__ != default.__name__:
            continue
        replacement = getattr(override, name, None)
        if replacement is None:
            yield (
                f"it has no function {name!r}, which {default.__name__} has. Write it, or import the default: "
                f"`from {default.__name__} import {name}`."
            )
        elif not _accepts_same_calls(function, replacement):
            yield f"{name!r} cannot be called as the default is: {name}{inspect.signature(function)}."


def _method_errors(default: type, override: type) -> Iterator[str]:
    for name, function in _public_functions(default):
        if not _accepts_same_calls(function, getattr(override, name)):
            yield f"{override.__name__}.{name} cannot be called as the default is: {name}{inspect.signature(function)}."


def _public_functions(owner: Any) -> list[tuple[str, Any]]:
    return [pair for pair in vars(owner).items() if not pair[0].startswith("_") and inspect.isfunction(pair[1])]


def _accepts_same_calls(default: Callable[..., Any], override: Any) -> bool:
    if not callable(override):
        return False
    wanted = list(inspect.signature(default).parameters.values())
    given = list(inspect.signature(override).parameters.values())
    if [(one.name, one.kind) for one in wanted] != [(one.name, one.kind) for one in given[: len(wanted)]]:
        return False
    added = given[len(wanted) :]
    return all(_is_optional(one) for one in added) and all(
        _is_optional(ours) or not _is_optional(theirs) for theirs, ours in zip(wanted, given, strict=False)
    )


def _is_optional(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty or parameter.kind in {
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    }


def _field_errors(model: type[Model]) -> Iterator[str]:
    if model._meta.proxy:
        return
    for field in model._meta.local_concrete_fields:
        is_parent_link = bool(getattr(field.remote_field, "parent_link", False))
        if not (is_parent_link or _has_value(field)):
            yield (
                f"the field {model.__name__}.{field.name} has no value for existing rows and for rows that the default "
                f"code creates. Add `db_default=…` or `null=True`."
            )


def _has_value(field: Field[Any, Any]) -> bool:
    return bool(field.null or field.has_db_default() or field.generated)

"""Whether what takes a default's place can do what the default does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Field, Model


def disagreements(default: Any, override: Any) -> Iterator[str]:
    """Yield, in words, what would fail where the default is expected."""
    from django.db.models import Model  # not above: settings import this package, and models need settings

    if isinstance(override, ModuleType):
        yield from _missing_functions(default, override)
    elif issubclass(override, Model):
        yield from _rows_without_values(override)
    elif hasattr(default, "model_fields"):
        yield from _methods_called_otherwise(default, override)


def _missing_functions(default: ModuleType, override: ModuleType) -> Iterator[str]:
    for name, function in vars(default).items():
        if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != default.__name__:
            continue
        there = getattr(override, name, None)
        if there is None:
            yield (
                f"it has no function {name!r}, which {default.__name__} has. Write it, or take the default's: "
                f"`from {default.__name__} import {name}`."
            )
        elif not callable(there) or not _can_be_called_alike(function, there):
            yield f"{name!r} cannot be called as the default is: {name}{inspect.signature(function)}."


def _methods_called_otherwise(default: type, override: type) -> Iterator[str]:
    """Find methods of a schema that are called as the default's are, and would take other arguments."""
    for name, function in vars(default).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        there = getattr(override, name)
        if not callable(there) or not _can_be_called_alike(function, there):
            yield f"{override.__name__}.{name} cannot be called as the default is: {name}{inspect.signature(function)}."


def _can_be_called_alike(default: Callable[..., Any], override: Callable[..., Any]) -> bool:
    wanted = list(inspect.signature(default).parameters.values())
    given = list(inspect.signature(override).parameters.values())
    if [(one.name, one.kind) for one in wanted] != [(one.name, one.kind) for one in given[: len(wanted)]]:
        return False
    may_be_left_out = [_may_be_left_out(one) for one in given]
    return all(may_be_left_out[len(wanted) :]) and all(
        here or not _may_be_left_out(there) for there, here in zip(wanted, may_be_left_out, strict=False)
    )


def _may_be_left_out(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty or parameter.kind in {
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    }


def _rows_without_values(model: type[Model]) -> Iterator[str]:
    """Find fields for which the rows that are there already, and those that the base code makes, have no value."""
    if model._meta.proxy:
        return
    for field in model._meta.local_concrete_fields:
        is_parent_link = bool(getattr(field.remote_field, "parent_link", False))
        if not (is_parent_link or _has_value(field)):
            yield (
                f"the field {model.__name__}.{field.name} has no value for rows that are there already, and for "
                f"those that the base code makes. Give it `db_default=…` or `null=True`."
            )


def _has_value(field: Field[Any, Any]) -> bool:
    return bool(field.null or field.has_db_default() or field.generated)

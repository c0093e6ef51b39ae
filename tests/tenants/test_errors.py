"""Errors form one tree, can be pickled, and name subject, fact and next step."""

from __future__ import annotations

import inspect
import pickle
import re
from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tenants import errors
from tenants.contrib.impersonation import errors as impersonation
from tenants.contrib.limits import errors as limits
from tenants.contrib.mounts import errors as mounts
from tenants.contrib.oauth import errors as oauth
from tenants.contrib.services import errors as services
from tenants.errors import TenancyError


def errors_of(module: ModuleType) -> list[type[TenancyError]]:
    classes = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    return [kind for kind in classes if issubclass(kind, TenancyError) and kind is not TenancyError]


ENGINE = errors_of(errors)
EVERY = [*ENGINE, *(kind for app in (impersonation, limits, mounts, oauth, services) for kind in errors_of(app))]


def fact(name: str, kind: str) -> Any:
    """Return a value of that kind that can be told from every other."""
    return [f"<{name}>"] if kind == "list[str]" else 4711 if kind in {"int", "float"} else f"<{name}>"


def made(kind: type[TenancyError]) -> TenancyError:
    """Create an error with a different word for each attribute."""
    if kind.__init__ is Exception.__init__:
        return kind("<what>")
    return kind(*(fact(name, facts.annotation) for name, facts in inspect.signature(kind).parameters.items()))


def test_the_drawn_tree_is_the_tree() -> None:
    parents, drawn = ["TenancyError"], {}
    for indent, name in re.findall(r"^([│ ]*)[├└]── (\w+)", errors.__doc__ or "", re.M):
        level = len(indent) // 4
        parents[level + 1 :] = [name]
        drawn[name] = parents[level]
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in ENGINE}


@pytest.mark.parametrize("kind", EVERY)
def test_an_error_survives_pickling_with_its_facts(kind: type[TenancyError]) -> None:
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("kind", [kind for kind in EVERY if "__str__" in vars(kind)])
def test_an_error_tells_its_facts_and_keeps_them_as_attributes(kind: type[TenancyError]) -> None:
    error = made(kind)
    for name, facts in inspect.signature(kind).parameters.items():
        assert getattr(error, name) == fact(name, facts.annotation)
        assert ("4711" if facts.annotation in {"int", "float"} else f"<{name}>") in str(error)


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_is_documented(kind: type[TenancyError]) -> None:
    assert kind.__doc__


def test_a_configuration_error_is_djangos_too() -> None:
    assert issubclass(errors.ConfigurationError, ImproperlyConfigured)

"""A patch: one attribute of Django or Python, what the engine puts in its place, and why."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django import VERSION
from django.apps import apps


@dataclass(frozen=True, slots=True)
class Patch:
    """One row of a table of patches."""

    target: str
    """`module:attribute` or `module:Class.attribute`."""
    parameters: str | None
    """Names of the original's parameters; None: the original is not a function."""
    make: Callable[[Any], Any]
    """Returns the replacement. Gets the original, or None where the class has no such attribute."""
    why: str
    since: tuple[int, int] = (5, 2)
    """First version of Django that the row is for."""
    before: tuple[int, int] | None = None
    """First version of Django that the row is not for any more."""
    app: str = ""
    """An app that has to be installed; empty: none."""

    @property
    def applies(self) -> bool:
        """Whether the row is for this version of Django and for the installed apps."""
        is_for_version = self.since <= VERSION[:2] and (self.before is None or VERSION[:2] < self.before)
        return is_for_version and (not self.app or apps.is_installed(self.app))

    @property
    def place(self) -> tuple[Any, str]:
        """The object that has the attribute, and the attribute's name."""
        module, _, path = self.target.partition(":")
        owner: Any = import_module(module)
        *classes, name = path.split(".")
        for each in classes:
            owner = getattr(owner, each)
        return owner, name


originals: dict[str, Any] = {}
"""The original of each target."""
_installed: list[Patch] = []


def install(patches: Iterable[Patch]) -> None:
    """Replace every target that is not replaced yet."""
    # Apps are loaded again when a test overrides INSTALLED_APPS, and `AppConfig.ready` is called again.
    for patch in patches:
        if patch.target not in originals and patch.applies:
            owner, name = patch.place
            originals[patch.target] = original = getattr(owner, name, None)
            setattr(owner, name, patch.make(original))
            _installed.append(patch)


def installed() -> tuple[Patch, ...]:
    """Return the patches of this process, of all tables."""
    return tuple(_installed)


def mismatches() -> Iterator[str]:
    """Yield, in words, which originals take other parameters than the table says."""
    for patch in _installed:
        if patch.parameters is not None:
            found = " ".join(inspect.signature(originals[patch.target]).parameters)
            if found != patch.parameters:
                yield f"{patch.target} takes ({found}), and its patch is written for ({patch.parameters})."

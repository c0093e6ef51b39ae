"""Probes of isolation: one tenant leaves something, and others look for it.

A probe runs for each reader that must find nothing, and for one that must find it: the control. A probe whose control
finds nothing could not find a leak either, and counts as a failure.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum

from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.db import DatabaseError

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenancyError


class NotApplicable(Exception):
    """The project has nothing that this probe could test. The message says why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Two tenants of the project, in a database that has no others."""

    owner: TenantInfo
    """The tenant that leaves something."""
    other: TenantInfo
    """A tenant that must not find it."""
    secret: str
    """A text that occurs nowhere else."""

    def reader(self, name: str) -> TenantInfo | None:
        """Return the tenant that looks; None: no tenant is active."""
        return {"owner": self.owner, "other tenant": self.other, "platform": PLATFORM, "no tenant": None}[name]


def acting(reader: TenantInfo | None) -> AbstractContextManager[object]:
    return nullcontext() if reader is None else use_tenant(reader)


Look = Callable[[Stage, "TenantInfo | None"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that could leak."""

    name: str
    """What could leak, in a few words."""
    look: Look
    """Leaves something as the owner, looks for it as a reader, and returns what it found; empty: nothing.

    It may raise `NotApplicable`. For a reader, an error of the engine or of the database counts as nothing found.
    """
    readers: tuple[str, ...] = ("other tenant", "platform", "no tenant")
    """Must find nothing."""
    control: str = "owner"
    """Must find it."""


class Verdict(StrEnum):
    ISOLATED = "isolated"
    LEAK = "LEAK"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    probe: str
    reader: str
    verdict: Verdict
    detail: str = ""

    @property
    def is_bad(self) -> bool:
        return self.verdict in {Verdict.LEAK, Verdict.INCONCLUSIVE, Verdict.ERROR}


_REFUSED = (TenancyError, DatabaseError, SuspiciousOperation, DisallowedHost, PermissionError)


def run_probes(stage: Stage, probes: Iterable[Probe]) -> Iterator[Result]:
    """Yield the results of all probes: the control first, then each reader."""
    for probe in probes:
        yield from _run(stage, probe)


def _run(stage: Stage, probe: Probe) -> Iterator[Result]:
    try:
        found = probe.look(stage, stage.reader(probe.control))
    except NotApplicable as reason:
        yield Result(probe.name, "", Verdict.SKIPPED, str(reason))
        return
    except Exception as error:  # of any kind: it is a result
        yield Result(probe.name, f"control: {probe.control}", Verdict.ERROR, f"{type(error).__name__}: {error}")
        return
    if not found:
        detail = f"{probe.control} does not find it either, so a leak could not be seen."
        yield Result(probe.name, f"control: {probe.control}", Verdict.INCONCLUSIVE, detail)
        return
    for name in probe.readers:
        yield _result(stage, probe, name)


def _result(stage: Stage, probe: Probe, name: str) -> Result:
    try:
        found = probe.look(stage, stage.reader(name))
    except _REFUSED:
        found = ""
    except Exception as error:
        return Result(probe.name, name, Verdict.ERROR, f"{type(error).__name__}: {error}")
    return Result(probe.name, name, Verdict.LEAK if found else Verdict.ISOLATED, found)


def new_secret() -> str:
    """Return a text that occurs nowhere else and can be a slug."""
    return f"probe-{secrets.token_hex(6)}"

"""A probe: something is left by one tenant, and others look for it.

Each is tried once for every reader that must find nothing, and once for one that must: the control. A probe whose
control finds nothing could not have found a leak either, and counts as a failure.
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
    """The project has nothing that this probe could try; says why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a probe is tried: two tenants of the project at hand, in a database of their own."""

    owner: TenantInfo
    """Whose it is, what the probe leaves."""
    other: TenantInfo
    """A tenant that must not find it."""
    secret: str
    """A text that is in nothing else."""

    def reader(self, name: str) -> TenantInfo | None:
        """Return who looks; None is nobody: no tenant is active."""
        return {"owner": self.owner, "other tenant": self.other, "platform": PLATFORM, "nobody": None}[name]


def acting(reader: TenantInfo | None) -> AbstractContextManager[object]:
    """Let the block act as `reader`."""
    return nullcontext() if reader is None else use_tenant(reader)


Look = Callable[[Stage, "TenantInfo | None"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that could leak."""

    name: str
    """What is tried, in a few words."""
    look: Look
    """Leave something of the owner's, look for it as a reader, and return what was found; empty: nothing.

    May raise `NotApplicable`. An error of the engine's or of the database counts as nothing found: it was refused.
    """
    readers: tuple[str, ...] = ("other tenant", "platform", "nobody")
    """Who must find nothing."""
    control: str = "owner"
    """Who must find it."""


class Verdict(StrEnum):
    """What came of a probe for one reader."""

    KEPT = "kept apart"
    LEAK = "LEAK"
    UNPROVEN = "PROVES NOTHING"
    BROKEN = "BROKE"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a probe for one reader."""

    probe: str
    reader: str
    verdict: Verdict
    detail: str = ""

    @property
    def is_bad(self) -> bool:
        return self.verdict in {Verdict.LEAK, Verdict.UNPROVEN, Verdict.BROKEN}


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
    except Exception as error:  # whatever it is, somebody has to hear of it
        yield Result(probe.name, f"control: {probe.control}", Verdict.BROKEN, f"{type(error).__name__}: {error}")
        return
    if not found:
        detail = f"{probe.control} does not find it either, so nobody could have been seen to."
        yield Result(probe.name, f"control: {probe.control}", Verdict.UNPROVEN, detail)
        return
    for name in probe.readers:
        yield _tried(stage, probe, name)


def _tried(stage: Stage, probe: Probe, name: str) -> Result:
    try:
        found = probe.look(stage, stage.reader(name))
    except _REFUSED:
        found = ""
    except Exception as error:
        return Result(probe.name, name, Verdict.BROKEN, f"{type(error).__name__}: {error}")
    return Result(probe.name, name, Verdict.LEAK if found else Verdict.KEPT, found)


def new_secret() -> str:
    """Return a text that nothing else holds, fit for a slug."""
    return f"probe-{secrets.token_hex(6)}"

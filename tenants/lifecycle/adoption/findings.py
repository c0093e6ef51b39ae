"""Findings of a survey: what cannot be adopted, with the recipe, and what to know before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about one schema."""

    schema: str
    what: str
    next_step: str
    blocks: bool = True
    """Whether nothing can be adopted as long as this is so."""


def grouped(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each kind of finding, with the schemas that have it: ten thousand can have the same."""
    schemas: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        of_kind = schemas.setdefault((finding.what, finding.next_step), [])
        if finding.schema not in of_kind[-1:]:
            of_kind.append(finding.schema)
    for (what, next_step), names in schemas.items():
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        yield f"{', '.join(names[:_SHOWN])}{more}: {what}. {next_step}"

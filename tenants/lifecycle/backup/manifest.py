"""What a backup says of itself: whose it is, how it was made, and the checksum of everything in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tenants.postgresql.dependencies import Extension

KIND = "backup of one tenant of Sangga"
FORMAT = 5
"""Counts the formats of the file. A reader knows its own and those before it.

2 came with `Facts.api_version`, 3 with `Facts.staff_second_factor`, 4 with `Manifest.limits`,
5 with `Manifest.extensions`.
"""


class NotAManifest(ValueError):
    """A text that is no manifest of ours, or a damaged one."""


class NewerFormat(ValueError):
    """A manifest of a format that came after ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in the backup."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the control plane knows of the tenant."""

    slug: str
    name: str
    variant: str
    language: str
    currency: str
    time_zone: str
    api_version: str = ""
    staff_second_factor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What the backup was made with."""

    postgresql: int
    """The server, as `server_version_num`: 180004 for 18.4."""
    pg_dump: int
    """The program, its major version: one that reads what it wrote must not be older."""
    django: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that there is to know before a tenant is restored."""

    made_at: str
    tenant: Facts
    domains: dict[str, bool]
    """The tenant's own host names, and which of them is the primary one."""
    schema: str
    """What the schema is called in the dump."""
    fingerprint: str
    """How far the schema was migrated, as the control plane has it on record; empty: not known."""
    heads: list[str]
    """The last applied migrations of each app, as `app.name`: code that lacks one of them is older than the data."""
    versions: Versions
    rows: dict[str, int]
    """How many rows each table has."""
    members: dict[str, Member]
    """Every file of the backup but the manifest."""
    limits: dict[str, str | int | None] = field(default_factory=dict)
    """The tenant's plan and its own limits, by the fields of `Tenant`; empty: none are known."""
    extensions: list[Extension] | None = None
    """The extensions of PostgreSQL that the schema uses; None: not known."""

    def to_json(self) -> str:
        """Return the manifest as it stands in the file."""
        return json.dumps({"kind": KIND, "format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """Return the manifest that `to_json` wrote; raise `NewerFormat` or `NotAManifest`."""
        try:
            found = json.loads(text)
            if found["kind"] != KIND:
                raise NotAManifest("its manifest is of another kind")
            if found["format"] > FORMAT:
                raise NewerFormat(f"its format is number {found['format']}, and this code knows up to {FORMAT}")
            return cls._from(found)
        except (NewerFormat, NotAManifest):
            raise
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise NotAManifest(f"its manifest cannot be read: {where}: {first['msg']}") from error
        except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
            raise NotAManifest(f"its manifest cannot be read: {type(error).__name__} {error}") from error

    @classmethod
    def _from(cls, found: dict[str, Any]) -> Manifest:
        values = {one.name: found[one.name] for one in fields(cls) if one.name not in {"limits", "extensions"}}
        values["limits"] = {**found.get("limits", {})}
        values["tenant"] = Facts(**found["tenant"])
        values["versions"] = Versions(**found["versions"])
        values["members"] = {name: Member(**member) for name, member in found["members"].items()}
        if found["format"] >= 5:
            values["extensions"] = [_extension(**each) for each in found["extensions"]]
        manifest = cls(**values)
        _check_texts(asdict(manifest))
        _types().validate_json(json.dumps(asdict(manifest)), strict=True)  # a dictionary is a record in JSON alone
        return manifest


@cache
def _types() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def _check_texts(found: Any) -> None:
    """Raise `ValueError` for a text that PostgreSQL cannot hold: one with a NUL, or half of a surrogate pair."""
    if isinstance(found, str) and ("\0" in found or any("\ud800" <= letter <= "\udfff" for letter in found)):
        raise ValueError(f"{found[:50]!r} is no text that PostgreSQL can hold")
    if isinstance(found, dict):
        for pair in found.items():
            _check_texts(pair)
    elif isinstance(found, list | tuple):
        for each in found:
            _check_texts(each)


def _extension(**facts: Any) -> Extension:
    if not all(isinstance(fact, str) for fact in facts.values()):
        raise NotAManifest("its list of extensions holds other things than texts")
    return Extension(**facts)

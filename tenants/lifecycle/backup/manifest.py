"""Manifest of a backup: the tenant, the versions it was made with, and the checksum of each member."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from tenants.postgresql.dependencies import Extension

KIND = "backup of one tenant of Sangga"
FORMAT = 5
"""The version of the format. A reader knows its own and earlier ones.

2 added `Facts.api_version`, 3 `Facts.staff_second_factor`, 4 `Manifest.limits`, 5 `Manifest.extensions`.
"""


class NotAManifest(ValueError):
    """The text is not one of our manifests, or is damaged."""


class NewerFormat(ValueError):
    """The manifest has a later format than this code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in the backup."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The tenant's row in the control plane."""

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
    """The versions of the programs that made the backup."""

    postgresql: int
    """`server_version_num`, for example 180004 for 18.4."""
    pg_dump: int
    """The major version. A restore needs pg_restore of this version or later."""
    django: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Facts that a restore needs before it starts."""

    made_at: str
    tenant: Facts
    domains: dict[str, bool]
    """The tenant's domains, each with whether it is primary."""
    schema: str
    """The name of the schema in the dump."""
    fingerprint: str
    """The recorded `SchemaState.fingerprint`; empty: unknown."""
    heads: list[str]
    """The last applied migrations of each app, as `app.name`. Code without one of them is older than the data."""
    versions: Versions
    rows: dict[str, int]
    """The number of rows of each table."""
    members: dict[str, Member]
    """All files of the backup except the manifest."""
    limits: dict[str, str | int | None] = field(default_factory=dict)
    """The tenant's plan and limits, by field of `Tenant`; empty: unknown."""
    extensions: list[Extension] | None = None
    """The PostgreSQL extensions that the schema uses; None: unknown."""

    def to_json(self) -> str:
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
            values["extensions"] = [Extension(**each) for each in found["extensions"]]
        manifest = cls(**values)
        _check(manifest, cls, "manifest")
        return manifest


def _check(value: Any, kind: Any, where: str) -> None:
    """Raise `TypeError` or `ValueError` unless `value` has exactly the annotated type, in all its parts."""
    if isinstance(kind, UnionType):
        kind = next((each for each in get_args(kind) if type(value) is (get_origin(each) or each)), NoneType)
    if type(value) is not (get_origin(kind) or kind):
        raise TypeError(f"{where} is {value!r:.50}")
    if is_dataclass(kind):
        for name, hint in get_type_hints(kind).items():
            _check(getattr(value, name), hint, f"{where}.{name}")
    elif isinstance(value, dict):
        for key, each in value.items():
            for part, hint in zip((key, each), get_args(kind), strict=True):
                _check(part, hint, f"{where}[{key!r:.50}]")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            _check(each, get_args(kind)[0], f"{where}[{number}]")
    elif isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        # PostgreSQL cannot store a NUL or half of a surrogate pair.
        raise ValueError(f"{where} is {value!r:.50}")

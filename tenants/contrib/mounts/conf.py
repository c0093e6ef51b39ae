"""Keys of `TENANTS` for mounted applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenants.conf import settings_reader
from tenants.errors import ConfigurationError


def _mounts(mounts: Mapping[Any, Any]) -> Mapping[str, str]:
    if not all(isinstance(text, str) for pair in mounts.items() for text in pair):
        raise ConfigurationError(f"TENANTS['MOUNTS'] is {mounts!r}. It takes names with dotted paths of factories.")
    return mounts


@dataclass(frozen=True, slots=True, kw_only=True)
class MountSettings:
    mounts: Mapping[str, str] = field(default_factory=dict, metadata={"convert": _mounts})
    """Applications that tenants may mount: dotted paths of `create_app(tenant)`, by name."""
    mounts_kept: int = 100
    """Number of built applications that a process caches, of all tenants."""
    mounts_seconds: float = 10.0
    """How long an application may take to begin its response, and between parts of it."""


mount_settings = settings_reader(MountSettings)

"""Keys of `TENANTS` for the tenants' API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tenants.conf import settings_reader, tenancy
from tenants.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    api_default_version: str = "v2"
    """Version of a request that names none, at a tenant without a version."""
    api_deprecated: tuple[str, ...] = ()
    """Dates from which versions are deprecated: `v1=2027-01-01`."""
    api_sunset: tuple[str, ...] = ()
    """Dates from which versions may be removed: `v1=2028-01-01`."""
    api_usage_seconds: float = 10.0
    """How often a process saves its counts of requests by version; 0: it does not count."""
    api_bearers: tuple[str, ...] = ()
    """Dotted paths of functions `bearer(request, token)` that authenticate a bearer token, in order."""

    def __post_init__(self) -> None:
        versions = tenancy().api_versions
        known = ", ".join(versions)
        if self.api_default_version not in versions:
            raise ConfigurationError(
                f"TENANTS['API_DEFAULT_VERSION'] is {self.api_default_version!r}. It takes one of {known}."
            )
        for key, entries in (("API_DEPRECATED", self.api_deprecated), ("API_SUNSET", self.api_sunset)):
            for entry in entries:
                version, _, day = entry.partition("=")
                if version not in versions or not _is_date(day):
                    raise ConfigurationError(
                        f"TENANTS[{key!r}] has {entry!r}. It takes entries such as 'v1=2027-01-31', of {known}."
                    )


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


api_settings = settings_reader(ApiSettings)

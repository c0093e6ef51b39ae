"""The admin site of the platform."""

from __future__ import annotations

from unfold.sites import UnfoldAdminSite


class PlatformAdminSite(UnfoldAdminSite):
    """Where operators look after the building. No tenant's URLconf has it."""


platform_site = PlatformAdminSite(name="admin")

"""Errors of operators' logins."""

from __future__ import annotations

from tenants.errors import TenancyError


class TenantClosed(TenancyError):
    """A tenant that is not active, so that no operator can log in."""

    slug: str

    def __str__(self) -> str:
        return (
            f"Tenant {self.slug!r} is not active, so no operator can log in. "
            f"Resume it first: `manage.py resume_tenant {self.slug}`."
        )


class OperatorAccountRefused(TenancyError):
    """A write to an account in a shop that represents an operator of the platform. Nothing was changed."""

    name: str

    def __str__(self) -> str:
        return (
            f"The account {self.name!r} represents an operator of the platform, and the shop cannot change it. "
            f"Operators log in by a link from the platform's admin."
        )

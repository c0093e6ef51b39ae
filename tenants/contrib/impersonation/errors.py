"""Errors of operators' logins."""

from __future__ import annotations

from tenants.errors import TenancyError


class TenantClosed(TenancyError):
    """A tenant that is not active, so that no operator can log in."""

    slug: str

    message = (
        "Tenant {slug!r} is not active, so no operator can log in. Resume it first: `manage.py resume_tenant {slug}`."
    )


class OperatorAccountRefused(TenancyError):
    """A write to an account in a shop that represents an operator of the platform. Nothing was changed."""

    name: str

    message = (
        "The account {name!r} represents an operator of the platform, and the shop cannot change it. "
        "Operators log in by a link from the platform's admin."
    )

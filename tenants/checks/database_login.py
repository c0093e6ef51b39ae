"""The login of the database, and what it may do. Asked by `check --database default`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from tenants.checks.pooler import ours
from tenants.postgresql.login_roles import rights_missing


@register(Tags.database)
def check_logins(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    """Find a login that cannot act as the tenants' roles, or cannot use the control plane."""
    for wrapper in ours(databases):
        with wrapper.connect_directly() as session:  # refused with a clear error, if it may not act as the owner
            missing = rights_missing(session, wrapper.owner_role)
        if missing:
            yield Error(
                f"The login of the database {wrapper.alias!r} is not enough: {missing}.",
                hint="Use the login that migrates, or make all logins members of one role that owns everything, and "
                "name it as assume_role (docs/operations.md, Logins).",
                id="tenants.E029",
            )

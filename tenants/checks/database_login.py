"""Check of the database login's rights: `check --database default`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from tenants.checks.pooler import tenant_databases
from tenants.postgresql.login_roles import missing_privileges


@register(Tags.database)
def check_logins(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    for wrapper in tenant_databases(databases):
        with closing(wrapper.connect_directly()) as session:  # raises if the login cannot act as the owner
            missing = missing_privileges(session, wrapper.owner_role)
        if missing:
            yield Error(
                f"The login of the database {wrapper.alias!r} lacks rights: {missing}.",
                hint="Use the login that migrates. Or make all logins members of one role that owns everything, and "
                "set assume_role to it (docs/operations.md, Logins).",
                id="tenants.E029",
            )

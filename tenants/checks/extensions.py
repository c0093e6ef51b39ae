"""Extensions of PostgreSQL in schemas where the tenants do not find them. Asked by `check --database default`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from tenants.checks.pooler import ours
from tenants.conf import tenancy

_OF_A_TENANT = re.compile(r"t_\d+")
# One whose package names its schema cannot be in another, and no tenant's migration asks for such.
_ELSEWHERE = """
SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE n.nspname NOT IN ('pg_catalog', %(ours)s) AND NOT EXISTS (
    SELECT FROM pg_available_extension_versions v
    WHERE v.name = e.extname AND v.version = e.extversion AND v.schema = n.nspname)
ORDER BY e.extname
"""
_MAY_CREATE = "SELECT has_schema_privilege('public', oid, 'CREATE') FROM pg_namespace WHERE nspname = %(ours)s"


@register(Tags.database)
def check_extensions(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    """Find extensions that one tenant has to itself, or none, and a schema for them into which all may write."""
    schema = tenancy().extension_schema
    for wrapper in ours(databases):
        with wrapper.connect_directly() as session:
            elsewhere = session.execute(_ELSEWHERE, {"ours": schema}).fetchall()
            may_create = session.execute(_MAY_CREATE, {"ours": schema}).fetchone()
        for name, home in elsewhere:
            hint = f'Move it, as its owner: ALTER EXTENSION "{name}" SET SCHEMA "{schema}".'
            if _OF_A_TENANT.fullmatch(home):
                yield Error(
                    f"The extension {name} is in schema {home}, and works for that tenant alone.",
                    hint=hint,
                    id="tenants.E027",
                )
            else:
                yield CheckWarning(
                    f"The extension {name} is in schema {home}, which no tenant looks into.",
                    hint=f"{hint} If the control plane alone uses it, silence this.",
                    id="tenants.W006",
                )
        if may_create == (True,):
            yield Error(
                f"Every role may create functions in schema {schema}, which all tenants look into.",
                hint=f'REVOKE CREATE ON SCHEMA "{schema}" FROM PUBLIC.',
                id="tenants.E028",
            )

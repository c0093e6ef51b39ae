"""Check of the schemas of PostgreSQL's extensions: `check --database default`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from tenants.checks.pooler import tenant_databases
from tenants.conf import tenancy

_TENANT_SCHEMA = re.compile(r"t_\d+")
# Without those whose package fixes the schema: they cannot be moved, and no tenant's migration creates one.
_OUTSIDE = """
SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE n.nspname NOT IN ('pg_catalog', %(ours)s) AND NOT EXISTS (
    SELECT FROM pg_available_extension_versions v
    WHERE v.name = e.extname AND v.version = e.extversion AND v.schema = n.nspname)
ORDER BY e.extname
"""
_MAY_CREATE = "SELECT has_schema_privilege('public', oid, 'CREATE') FROM pg_namespace WHERE nspname = %(ours)s"


@register(Tags.database)
def check_extensions(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    schema = tenancy().extension_schema
    for wrapper in tenant_databases(databases):
        with closing(wrapper.connect_directly()) as session:
            outside = session.execute(_OUTSIDE, {"ours": schema}).fetchall()
            may_create = session.execute(_MAY_CREATE, {"ours": schema}).fetchone()
        for name, home in outside:
            hint = f'Move it, as its owner: ALTER EXTENSION "{name}" SET SCHEMA "{schema}".'
            if _TENANT_SCHEMA.fullmatch(home):
                yield Error(
                    f"The extension {name} is in schema {home}: only that tenant can use it.",
                    hint=hint,
                    id="tenants.E027",
                )
            else:
                yield CheckWarning(
                    f"The extension {name} is in schema {home}: no tenant can use it.",
                    hint=f"{hint} If only the control plane uses it, silence this check.",
                    id="tenants.W006",
                )
        if may_create == (True,):
            yield Error(
                f"Every role may create functions in schema {schema}, which is in all tenants' search paths.",
                hint=f'REVOKE CREATE ON SCHEMA "{schema}" FROM PUBLIC.',
                id="tenants.E028",
            )

"""What the tenants' router is to the suite, which has models of hundreds of apps and a second database."""

from __future__ import annotations

from typing import Any

from tenants.context import current_tenant
from tenants.schema_alias import DEFAULT_ALIAS, alias_for


class SuiteRouter:
    """Answers as Django does without a router, with the alias that carries the schema."""

    def db_for_read(self, model: Any, *, instance: Any = None, **hints: Any) -> str:
        found = None if instance is None else instance._state.db
        return found or alias_for(DEFAULT_ALIAS, current_tenant().schema)

    db_for_write = db_for_read

"""The alias of the one database, with the schema that it was given for. Imports no Django."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

DEFAULT_ALIAS = "default"


class TenantAlias(str):
    """The alias of a database, equal to the plain one everywhere, with the schema that it was given for."""

    schema: str

    def __new__(cls, alias: str, schema: str) -> TenantAlias:
        self = super().__new__(cls, alias)
        self.schema = schema
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return alias_for, (str(self), self.schema)


@lru_cache(maxsize=4096)
def alias_for(alias: str, schema: str) -> TenantAlias:
    """Return the alias that stands for `schema`."""
    return TenantAlias(alias, schema)

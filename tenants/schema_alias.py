"""Database alias that knows the schema it was given for. Imports no Django."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

DEFAULT_ALIAS = "default"


class SchemaAlias(str):
    """A text equal to the plain alias, with a schema."""

    schema: str

    def __new__(cls, alias: str, schema: str) -> SchemaAlias:
        self = super().__new__(cls, alias)
        self.schema = schema
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return alias_for, (str(self), self.schema)


@lru_cache(maxsize=4096)
def alias_for(alias: str, schema: str) -> SchemaAlias:
    return SchemaAlias(alias, schema)

"""Patches of Django's model instances: saving, and comparing two of them."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.db.models import Model

from tenants.isolation.instances import check_same_tenant, tenant_schema_of, with_schema


def check_saved(original: Any) -> Any:
    @wraps(original)
    def save_base(
        self: Model, raw: bool = False, force_insert: Any = False, force_update: bool = False, using: Any = None,
        update_fields: Any = None,
    ) -> Any:  # fmt: skip
        check_same_tenant(self)
        return original(self, raw, force_insert, force_update, with_schema(using), update_fields)

    return save_base


def compare_schemas(original: Any) -> Any:
    @wraps(original)
    def __eq__(self: Model, other: object) -> Any:  # noqa: N807
        equal = original(self, other)
        if equal is True and self is not other and isinstance(other, Model):
            return tenant_schema_of(self) == tenant_schema_of(other)
        return equal

    return __eq__

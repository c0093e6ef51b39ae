"""Patch of Django's deletion: it follows only relations whose tables the active tenant has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

from tenants.context import active_tenant
from tenants.isolation.app_placement import is_installed_for


def relations_with_tables(original: Any) -> Any:
    @wraps(original)
    def get_candidate_relations_to_delete(opts: Any) -> Iterator[Any]:
        tenant = active_tenant()
        for relation in original(opts):
            if tenant is None or is_installed_for(relation.related_model._meta.app_label, tenant):
                yield relation

    return get_candidate_relations_to_delete

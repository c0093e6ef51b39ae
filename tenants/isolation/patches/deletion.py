"""Deleting a row where not every model that may relate to it has a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import deletion

from tenants.context import active_tenant
from tenants.isolation.app_placement import has_tables

_every_relation: Any = deletion.get_candidate_relations_to_delete


def follow_relations_of_one_side() -> None:
    """Let Django's deletion look only into tables that the active tenant has.

    It asks every model with a foreign key to the deleted row. An operator and a shop's user are both
    `auth.User`, but what relates to a user in a shop has no table on the platform, and the other way round.
    """
    deletion.get_candidate_relations_to_delete = _relations_here


def _relations_here(opts: Any) -> Iterator[Any]:
    tenant = active_tenant()
    for relation in _every_relation(opts):
        if tenant is None or has_tables(relation.related_model._meta.app_label, tenant):
            yield relation

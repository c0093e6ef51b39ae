"""The registry in tests: a change of a tenant is seen at once, although a rolled-back test commits nothing."""

from __future__ import annotations

from django.db.models.signals import post_delete, post_save

from tenants.models import Domain, Tenant
from tenants.registry.lookup import registry

_UID = "tenants.testing"


def follow_changes() -> None:
    for model in (Tenant, Domain):
        for signal in (post_save, post_delete):
            signal.connect(_clear, sender=model, dispatch_uid=_UID)


def _clear(**_: object) -> None:
    registry.clear()

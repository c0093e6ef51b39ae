"""Mounts of a tenant, which the registry loads and caches with it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from tenants.context import MountPoint
from tenants.contrib.mounts.models import Mount
from tenants.registry.tenant_info import add_field


def load_mounts_with_tenants() -> None:
    """Add `TenantInfo.mounts` to the query that loads a tenant."""
    add_field("mounts", _active_mounts, _mount_points)


def _active_mounts() -> ArraySubquery:
    fields = JSONObject(app="app", path="path", is_for_staff="is_for_staff", options="options")
    mounts = Mount.objects.filter(tenant=OuterRef("pk"), is_on=True).order_by("path")
    return ArraySubquery(mounts.values_list(fields, flat=True))


def _mount_points(mounts: list[dict[str, Any]]) -> tuple[MountPoint, ...]:
    """Return the mounts of a tenant, those with the longest path first: the first that matches answers."""
    points = [MountPoint(**{**mount, "options": json.dumps(mount["options"])}) for mount in mounts]
    return tuple(sorted(points, key=lambda point: -len(point.path)))

"""Kinds of operations, each with its function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from tenants.conf import tenancy
from tenants.errors import TenantChanged
from tenants.lifecycle import (
    Deletion,
    backup_tenant,
    clone_tenant,
    kept_slug,
    purge_tenant,
    restore_tenant,
    set_variant,
)
from tenants.lifecycle.locking import not_found
from tenants.lifecycle.variant_csv import MappingText
from tenants.tasks.backup_files import backup_path
from tenants.tasks.context import TaskContext
from tenants.tasks.health_check import check
from tenants.tasks.migrate import migrate

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Text


@dataclass(frozen=True, slots=True)
class Kind:
    title: Text
    run: Callable[[TaskContext], str]
    """Returns the result as text. An interrupted operation is run again."""


def _purge(context: TaskContext) -> str:
    """Purge the deletion that existed when this was queued, not a later one of the same tenant."""
    if context.already_completed("purge"):
        return ""
    operation = context.operation
    if operation.purge_after is None:  # it was not deleted when this was queued
        raise not_found(operation.slug if operation.tenant_id is None else operation.tenant_id)
    deletion = Deletion(tenant_id=context.tenant_id, slug=operation.slug, purge_after=operation.purge_after)
    purge_tenant(deletion, context.progress)
    return ""


def _clone(context: TaskContext) -> str:
    """Clone to the argument `new_slug`; other arguments: `name`, `anonymize`."""
    if context.already_completed("clone"):
        return ""
    clone = clone_tenant(context.tenant().pk, **context.arguments, progress=context.progress)
    return f"{clone.name}: {tenancy().url_of(clone.host)}"


def _backup(context: TaskContext) -> str:
    tenant = context.tenant()
    file = backup_path(tenant, context.operation.created_at)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = backup_tenant(tenant.pk, file, progress=context.progress)
    return f"{path} ({path.stat().st_size:,} bytes)"


def _restore(context: TaskContext) -> str:
    """Restore the argument `file` as a new tenant, or with `over` in place of the existing one."""
    file, over = context.arguments["file"], context.arguments.get("over", False)
    if context.already_completed("restore"):
        return ""
    target = _to_replace(context) if over else context.operation.slug
    tenant = restore_tenant(file, target, over=over, progress=context.progress)
    kept = f" The replaced tenant is kept as {kept_slug(tenant.slug, tenant)}." if over else ""
    return f"{tenant.name}: {tenancy().url_of(tenant.host)}{kept}"


def _to_replace(context: TaskContext) -> int:
    """Return the tenant to replace; raise `TenantChanged` if its epoch has changed since this was queued."""
    tenant = context.tenant()
    if tenant.epoch != context.operation.epoch:
        raise TenantChanged(context.operation.slug)
    return tenant.pk


def _variant(context: TaskContext) -> str:
    """Change to the argument `variant`; `mapping` has files by model, each with `name` and `text`."""
    variant = context.arguments["variant"]
    if context.already_completed("variant"):
        return ""
    mapping = {model: MappingText(**file) for model, file in context.arguments.get("mapping", {}).items()}
    return "; ".join(set_variant(context.tenant().pk, variant, mapping=mapping).lines)


KINDS = {
    "migrate": Kind(_("Migrate tenants"), migrate),
    "check": Kind(_("Check all tenants"), check),
    "purge": Kind(_("Purge a tenant"), _purge),
    "clone": Kind(_("Clone a tenant"), _clone),
    "backup": Kind(_("Back up a tenant"), _backup),
    "variant": Kind(_("Change a tenant’s variant"), _variant),
    "restore": Kind(_("Restore a tenant"), _restore),
}
"""By `Operation.kind`."""

"""The kinds of operations that there are, and the function behind each."""

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
from tenants.tasks.context import Work
from tenants.tasks.health_check import check
from tenants.tasks.migrate import migrate

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Text


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work."""

    title: Text
    """How it is called on pages."""
    do: Callable[[Work], str]
    """Does it, and returns what came of it in words; has to be fit to be done again when it was cut short."""


def _purge(work: Work) -> str:
    """Purge the deletion that was there when this was asked for, and no later one of the same tenant."""
    if work.was_done("purge"):
        return ""
    operation = work.operation
    if operation.purge_after is None:  # it was not deleted when this was asked for
        raise not_found(operation.slug if operation.tenant_id is None else operation.tenant_id)
    deletion = Deletion(tenant_id=work.tenant_id, slug=operation.slug, purge_after=operation.purge_after)
    purge_tenant(deletion, work.progress)
    return ""


def _clone(work: Work) -> str:
    """Clone into the argument `new_slug`; others are `name` and `anonymise`."""
    if work.was_done("clone"):
        return ""
    clone = clone_tenant(work.tenant().pk, **work.arguments, progress=work.progress)
    return f"{clone.name}: {tenancy().url_of(clone.host)}"


def _backup(work: Work) -> str:
    tenant = work.tenant()
    file = backup_path(tenant, work.operation.created_at)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = backup_tenant(tenant.pk, file, progress=work.progress)
    return f"{path} ({path.stat().st_size:,} bytes)"


def _restore(work: Work) -> str:
    """Restore the argument `file` as a tenant of that slug; with `over`, in the place of the one that has it."""
    file, over = work.arguments["file"], work.arguments.get("over", False)
    if work.was_done("restore"):
        return ""
    tenant = restore_tenant(file, _to_replace(work) if over else work.operation.slug, over=over, progress=work.progress)
    kept = f" What was there before is kept as {kept_slug(tenant.slug, tenant)}." if over else ""
    return f"{tenant.name}: {tenancy().url_of(tenant.host)}{kept}"


def _to_replace(work: Work) -> int:
    """Return the tenant that is replaced, unless it has another slug, or its sessions other keys, than when asked."""
    tenant = work.tenant()
    if tenant.epoch != work.operation.epoch:
        raise TenantChanged(work.operation.slug)
    return tenant.pk


def _variant(work: Work) -> str:
    """Give the tenant the argument `variant`; `mapping` has files by model, each with `name` and `text`."""
    variant = work.arguments["variant"]
    if work.was_done("variant"):
        return ""
    mapping = {model: MappingText(**file) for model, file in work.arguments.get("mapping", {}).items()}
    return "; ".join(set_variant(work.tenant().pk, variant, mapping=mapping).lines)


KINDS = {
    "migrate": Kind(_("Migrate tenants"), migrate),
    "check": Kind(_("Check all tenants"), check),
    "purge": Kind(_("Purge a tenant"), _purge),
    "clone": Kind(_("Clone a tenant"), _clone),
    "backup": Kind(_("Back a tenant up"), _backup),
    "variant": Kind(_("Give a tenant another variant"), _variant),
    "restore": Kind(_("Restore a tenant"), _restore),
}
"""By the name that stands in `Operation.kind`."""

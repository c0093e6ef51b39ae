"""Lifecycle of a tenant: functions that commands, the admin and code call."""

from tenants.lifecycle.backup.backup import backup_tenant
from tenants.lifecycle.backup.restore import restore_tenant
from tenants.lifecycle.cache import clear_tenant_cache
from tenants.lifecycle.clone import clone_tenant
from tenants.lifecycle.create import TenantSpec, create_tenant
from tenants.lifecycle.delete import (
    Deletion,
    delete_tenant,
    deletions_due,
    due_for_purge,
    purge_tenant,
    undelete_tenant,
)
from tenants.lifecycle.domains import add_domain, remove_domain, set_primary_domain
from tenants.lifecycle.rename import rename_tenant
from tenants.lifecycle.replace import kept_slug
from tenants.lifecycle.sign_out import sign_out_tenant
from tenants.lifecycle.suspend import resume_tenant, suspend_tenant
from tenants.lifecycle.variant import VariantChange, set_variant

__all__ = [
    "Deletion",
    "TenantSpec",
    "VariantChange",
    "add_domain",
    "backup_tenant",
    "clear_tenant_cache",
    "clone_tenant",
    "create_tenant",
    "delete_tenant",
    "deletions_due",
    "due_for_purge",
    "kept_slug",
    "purge_tenant",
    "remove_domain",
    "rename_tenant",
    "restore_tenant",
    "resume_tenant",
    "set_primary_domain",
    "set_variant",
    "sign_out_tenant",
    "suspend_tenant",
    "undelete_tenant",
]

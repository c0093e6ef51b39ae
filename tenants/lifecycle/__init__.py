"""The life of a tenant, step by step: plain functions that commands, admin buttons and code call alike."""

from tenants.lifecycle.create import NewTenant, create_tenant
from tenants.lifecycle.delete import delete_tenant
from tenants.lifecycle.status import resume_tenant, suspend_tenant

__all__ = ["NewTenant", "create_tenant", "delete_tenant", "resume_tenant", "suspend_tenant"]

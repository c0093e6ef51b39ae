"""Work that a tenant's own code has done in the background, as the tenant that asked for it (`start.start_job`)."""

from __future__ import annotations

from django.utils.module_loading import import_string

from tenants.context import use_tenant
from tenants.errors import TenantNotFound
from tenants.operations.work import Work
from tenants.registry import all_tenants


def do_job(work: Work) -> str:
    """Do a job. One of a tenant that was deleted since fails: `TenantNotFound`; a suspended one's is done."""
    found = all_tenants(pk=work.arguments["tenant"])
    if not found or not found[0].exists:
        raise TenantNotFound(work.slug)
    with use_tenant(found[0]):
        return str(import_string(work.arguments["function"])(**work.arguments["arguments"]) or "")

"""Views of tenants in the operator's admin, with the permissions that each requires."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse

from tenants.contrib.admin.views import lifecycle, login, operations


@dataclass(frozen=True, slots=True)
class TenantView:
    """A view `(model_admin, request, tenant)`; one of all tenants is called without `tenant`."""

    path: str
    view: Callable[..., HttpResponse]
    permissions: tuple[str, ...] = ("change",)
    """Permissions on `Tenant`, all of which are required."""
    post_only: bool = False

    @property
    def url_name(self) -> str:
        return f"tenants_tenant_{self.path.replace('-', '_')}"


OF_ALL_TENANTS = (
    TenantView("migrate-behind", operations.migrate_behind, post_only=True),
    TenantView("check", operations.check, post_only=True),
    # A dump is executed, and may contain any SQL.
    TenantView("restore", operations.restore, ("change", "add", "delete")),
)

OF_ONE_TENANT = (
    TenantView("suspend", lifecycle.suspend),
    TenantView("resume", lifecycle.resume, post_only=True),
    TenantView("rename", lifecycle.rename),
    TenantView("sign_out", lifecycle.sign_out, post_only=True),
    TenantView("clear_cache", lifecycle.clear_cache, post_only=True),
    TenantView("migrate", lifecycle.migrate, post_only=True),
    TenantView("undelete", lifecycle.undelete, post_only=True),
    TenantView("enter", login.log_in, ("enter",), post_only=True),
    TenantView("backup", operations.backup, post_only=True),
    TenantView("clone", operations.clone, ("change", "add")),
    TenantView("variant", operations.set_variant),
    TenantView("purge", operations.purge, ("change", "delete")),
)

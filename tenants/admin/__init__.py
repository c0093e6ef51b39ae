"""Tenants, domains and the audit log in `django.contrib.admin`, in projects without `tenants.contrib.admin`.

`admin.site` can be used on both sides: on a tenant's host these models are neither listed nor found.
"""

from django.apps import apps

# `tenants.contrib.admin` has its own site for operators.
if apps.is_installed("django.contrib.admin") and not apps.is_installed("tenants.contrib.admin"):
    from django.contrib import admin

    from tenants.admin.audit import AuditEventAdmin
    from tenants.admin.domains import DomainAdmin
    from tenants.admin.tenants import TenantAdmin
    from tenants.models import AuditEvent, Domain, Tenant

    admin.site.register(Tenant, TenantAdmin)
    admin.site.register(Domain, DomainAdmin)
    admin.site.register(AuditEvent, AuditEventAdmin)

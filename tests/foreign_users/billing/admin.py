"""The contract on its tenant's page, and in the form of a new tenant."""

from django.conf import settings
from django.contrib import admin

from billing.models import Contract
from tenants.models import Tenant

if settings.CONTRIB_ADMIN:
    from unfold.admin import StackedInline

    from tenants.contrib.admin.site import platform_site as site
    from tenants.contrib.admin.tenants import TenantAdmin
else:
    from django.contrib.admin import StackedInline, site

    from tenants.admin.tenants import TenantAdmin


class ContractInline(StackedInline):
    model = Contract


site.unregister(Tenant)


@admin.register(Tenant, site=site)
class CustomerAdmin(TenantAdmin):
    inlines = (*TenantAdmin.inlines, ContractInline)

"""The door by which an operator enters a shop: a link that works once, shown to whoever may."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from tenants.contrib.admin.tenant_create_view import actor
from tenants.contrib.admin.tenant_operation_views import TenantOperations
from tenants.contrib.impersonation.conf import impersonation_settings
from tenants.contrib.impersonation.links import SECONDS, make_entry_link
from tenants.errors import TenancyError
from tenants.lifecycle.audit import acting_as
from tenants.registry.tenant_info import info_of


class TenantEntering(TenantOperations):
    """The part of the tenants' admin that lets operators with the right `tenants.enter_tenant` into a shop."""

    def get_urls(self) -> list[URLPattern]:
        """Put this door before Django's own URLs, the last of which takes any path."""
        view = self.admin_site.admin_view(never_cache(require_POST(self._enter)))
        return [path("<path:object_id>/enter/", view, name="tenants_tenant_enter"), *super().get_urls()]

    def _enter(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not request.user.has_perm("tenants.enter_tenant"):
            raise PermissionDenied
        tenant = self.get_object(request, unquote(object_id))
        if tenant is None:
            return self._nobody(request, object_id)
        user: Any = request.user
        try:
            with acting_as(actor(request)):
                link = make_entry_link(info_of(tenant), user.pk, user.get_username())
        except TenancyError as error:
            messages.error(request, str(error))
            return self.back_to(request, tenant)
        self.log_change(request, tenant, gettext("Made a link to enter it."))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Enter the shop"),
            "subtitle": str(tenant),
            "opts": self.opts,
            "original": tenant,
            "link": link,
            "seconds": SECONDS,
            "minutes": impersonation_settings().operator_minutes,
        }
        # Shown, and not redirected to: a policy of the page's forms may forbid to leave its host.
        return TemplateResponse(request, "tenants/admin/enter.html", context)

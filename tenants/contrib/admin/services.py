"""Services in the operator's admin: addresses, paths, tenants, and the live status."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Field, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from tenants.admin.audit import actor
from tenants.context import PLATFORM
from tenants.contrib.accounts.admin_base import UntitledInline
from tenants.contrib.admin.service_status import panel
from tenants.contrib.admin.site import platform_site
from tenants.contrib.services.models import Service, ServiceAddress
from tenants.contrib.services.validators import lines_of
from tenants.lifecycle.audit import acting_as, record


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # a plain class at run time
    def clean_prefixes(self) -> str:
        """Refuse a path that another service has."""
        prefixes = lines_of(self.cleaned_data["prefixes"])
        for other in Service.objects.exclude(pk=self.instance.pk):
            for prefix in set(prefixes) & set(lines_of(other.prefixes)):
                raise ValidationError(
                    gettext("%(prefix)s is already used by service %(service)s.") % {"prefix": prefix, "service": other}
                )
        return "\n".join(prefixes)


class AddressInline(UntitledInline):
    model = ServiceAddress
    fields = ["url", "is_active"]
    extra = 0


@admin.register(Service, site=platform_site)
class ServiceAdmin(ModelAdmin):
    """All services. A change applies to every process within a second, without a restart."""

    form = ServiceForm
    inlines = [AddressInline]
    list_display = ["name", "is_active", "paths", "granted_to", "address_count"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    autocomplete_fields = ["tenants"]
    fieldsets = [
        (None, {"fields": ["name", "is_active", "prefixes", "strip_prefix", "runs_sangga"]}),
        (_("Access"), {"fields": ["every_tenant", "at_platform", "tenants", "scopes"]}),
        (
            _("Timeouts (seconds)"),
            {"fields": [("connect_seconds", "attempt_seconds"), ("total_seconds", "idle_seconds")]},
        ),
        (_("Limits"), {"fields": ["retries", "max_body_mib", "health_path", "private_ranges"]}),
    ]

    list_before_template = "tenants/admin/service_list_buttons.html"

    def get_urls(self) -> list[URLPattern]:
        views = {"live": self._status_view, "live/figures": self._status_panel}
        own = [
            path(
                f"{name}/", self.admin_site.admin_view(view), name=f"tenants_services_service_{name.replace('/', '_')}"
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def _status_view(self, request: HttpRequest) -> HttpResponse:
        self._require_view_permission(request)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Service status"),
            "opts": self.opts,
            "follow_url": reverse("admin:tenants_services_service_live_figures"),
            **panel(),
        }
        return TemplateResponse(request, "tenants/admin/service_status.html", context)

    def _status_panel(self, request: HttpRequest) -> HttpResponse:
        """Return the panel as JSON, for the script that also updates operations."""
        self._require_view_permission(request)
        html = render_to_string("tenants/admin/service_status_panel.html", panel())
        return JsonResponse({"is_finished": False, "state_text": "", "html": html})

    def _require_view_permission(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def get_queryset(self, request: HttpRequest) -> QuerySet[Service]:
        rows: QuerySet[Service] = super().get_queryset(request)
        active = Count("addresses", filter=Q(addresses__is_active=True), distinct=True)
        return rows.annotate(active_addresses=active, tenant_count=Count("tenants", distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        # Other services call it by its name, and identities are signed for it.
        return ["name"] if obj else []

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "tenants":
            field.widget = field.widget.widget  # without a button to add a tenant in a popup
        return field

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        _audit(request, "change service" if change else "register service", form.instance)

    def delete_model(self, request: HttpRequest, obj: Service) -> None:
        _audit(request, "remove service", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Service]) -> None:
        for service in queryset:
            _audit(request, "remove service", service)
        super().delete_queryset(request, queryset)

    # --- Columns

    @display(description=_("paths"))
    def paths(self, service: Service) -> str:
        return ", ".join(lines_of(service.prefixes))

    @display(description=_("tenants"))
    def granted_to(self, service: Any) -> str:
        if service.every_tenant:
            return gettext("all tenants")
        count: int = service.tenant_count
        return ngettext("%d tenant", "%d tenants", count) % count

    @display(description=_("addresses"), ordering="active_addresses")
    def address_count(self, service: Any) -> int:
        count: int = service.active_addresses
        return count


def _audit(request: HttpRequest, action: str, service: Service) -> None:
    with acting_as(actor(request)):
        record(action, PLATFORM, service=service.name)

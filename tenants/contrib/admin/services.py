"""Services in the operator's admin: what is registered, where it answers, and who is led to it."""

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

from tenants.context import PLATFORM
from tenants.contrib.accounts.admin_base import UntitledInline
from tenants.contrib.admin.service_status import panel
from tenants.contrib.admin.site import platform_site
from tenants.contrib.admin.tenant_create_view import actor
from tenants.contrib.services.models import Service, ServiceAddress
from tenants.contrib.services.validators import lines_of
from tenants.lifecycle.audit import acting_as, record


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # a plain class at run time
    """A service; two of them cannot have one path."""

    def clean_prefixes(self) -> str:
        """Refuse a prefix that another service has: who of them answers would be left to chance."""
        prefixes = lines_of(self.cleaned_data["prefixes"])
        for other in Service.objects.exclude(pk=self.instance.pk):
            for prefix in set(prefixes) & set(lines_of(other.prefixes)):
                raise ValidationError(
                    gettext("%(prefix)s leads to %(service)s already.") % {"prefix": prefix, "service": other}
                )
        return "\n".join(prefixes)


class AddressInline(UntitledInline):
    """The addresses on their service's page."""

    model = ServiceAddress
    fields = ["url", "is_active"]
    extra = 0


@admin.register(Service, site=platform_site)
class ServiceAdmin(ModelAdmin):
    """All services. A change is in force in every process within a second, without a restart."""

    form = ServiceForm
    inlines = [AddressInline]
    list_display = ["name", "is_active", "leads_from", "granted_to", "address_count"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    autocomplete_fields = ["tenants"]
    fieldsets = [
        (None, {"fields": ["name", "is_active", "prefixes", "strip_prefix", "runs_sangga"]}),
        (_("Who is led to it"), {"fields": ["every_tenant", "at_platform", "tenants", "scopes"]}),
        (
            _("Seconds"),
            {"fields": [("connect_seconds", "attempt_seconds"), ("total_seconds", "idle_seconds")]},
        ),
        (_("Limits"), {"fields": ["retries", "max_body_mib", "health_path", "private_ranges"]}),
    ]

    list_before_template = "tenants/admin/service_list_doors.html"

    def get_urls(self) -> list[URLPattern]:
        """Put the page that is live before Django's own URLs."""
        views = {"live": self._live, "live/figures": self._figures}
        own = [
            path(
                f"{name}/", self.admin_site.admin_view(view), name=f"tenants_services_service_{name.replace('/', '_')}"
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def _live(self, request: HttpRequest) -> HttpResponse:
        """Show how the services are, and follow them."""
        self._check_right(request)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Services, right now"),
            "opts": self.opts,
            "follow_url": reverse("admin:tenants_services_service_live_figures"),
            **panel(),
        }
        return TemplateResponse(request, "tenants/admin/services_live.html", context)

    def _figures(self, request: HttpRequest) -> HttpResponse:
        """Return the same for the page's script, as operations do."""
        self._check_right(request)
        html = render_to_string("tenants/admin/services_panel.html", panel())
        return JsonResponse({"is_finished": False, "state_text": "", "html": html})

    def _check_right(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def get_queryset(self, request: HttpRequest) -> QuerySet[Service]:
        """Return the services with what the list counts."""
        rows: QuerySet[Service] = super().get_queryset(request)
        used = Count("addresses", filter=Q(addresses__is_active=True), distinct=True)
        return rows.annotate(used_addresses=used, tenant_count=Count("tenants", distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        """Keep a service's name: others ask for it by that, and identities are signed for it."""
        return ["name"] if obj else []

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field; the tenants' without the buttons that open one in a small window."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "tenants":
            field.widget = field.widget.widget
        return field

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what hangs on the service, and write the deed down."""
        super().save_related(request, form, formsets, change)
        _note(request, "change service" if change else "register service", form.instance)

    def delete_model(self, request: HttpRequest, obj: Service) -> None:
        """Remove the service, and write the deed down."""
        _note(request, "remove service", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Service]) -> None:
        """Remove several services, and write each down."""
        for service in queryset:
            _note(request, "remove service", service)
        super().delete_queryset(request, queryset)

    # --- Columns

    @display(description=_("paths"))
    def leads_from(self, service: Service) -> str:
        return ", ".join(lines_of(service.prefixes))

    @display(description=_("tenants"))
    def granted_to(self, service: Any) -> str:
        if service.every_tenant:
            return gettext("all tenants")
        count: int = service.tenant_count
        return ngettext("%d tenant", "%d tenants", count) % count

    @display(description=_("addresses"), ordering="used_addresses")
    def address_count(self, service: Any) -> int:
        count: int = service.used_addresses
        return count


def _note(request: HttpRequest, action: str, service: Service) -> None:
    with acting_as(actor(request)):
        record(action, PLATFORM, service=service.name)

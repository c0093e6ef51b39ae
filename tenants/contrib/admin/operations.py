"""Operations in the operator's admin: the list, and a page with the live progress of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from tenants.contrib.admin.operation_progress import STATE_COLORS, counts_of, panel_of, title_of
from tenants.contrib.admin.read_only import ReadOnlyAdmin
from tenants.contrib.admin.site import platform_site
from tenants.models import Operation
from tenants.tasks import KINDS


class KindFilter(admin.SimpleListFilter):
    title = _("operation")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(name, kind.title) for name, kind in KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Operation]) -> QuerySet[Operation]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Operation, site=platform_site)
class OperationAdmin(ReadOnlyAdmin):
    """All operations, for operators who may change tenants. The tenants' pages start them."""

    list_display = ["operation", "state_label", "progress", "asked_by", "created_at"]
    list_filter = ["state", KindFilter]
    list_per_page = 50
    search_fields = ["slug", "asked_by"]
    search_help_text = _("Slug of the tenant, or operator")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Operation]:
        # The arguments are not shown, and may contain a whole file.
        operations: QuerySet[Operation] = super().get_queryset(request).defer("arguments")
        return operations

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("tenants.change_tenant"))

    has_module_permission = has_view_permission

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self._progress)
        return [path("<int:operation_id>/progress/", view, name="tenants_operation_progress"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        operation = self.get_object(request, unquote(object_id))
        if operation is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return missing
        context = {
            **self.admin_site.each_context(request),
            "title": title_of(operation),
            "opts": self.opts,
            "follow_url": reverse("admin:tenants_operation_progress", args=[operation.pk]),
            **panel_of(operation),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "tenants/admin/operation.html", context)

    def _progress(self, request: HttpRequest, operation_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        operation = get_object_or_404(Operation, pk=operation_id)
        return JsonResponse(
            {
                "state": operation.state,
                "state_text": operation.get_state_display(),
                "is_finished": operation.is_finished,
                "done": operation.done,
                "total": operation.total,
                "error": operation.error,
                "html": render_to_string("tenants/admin/operation_panel.html", panel_of(operation)),
            }
        )

    # --- Columns

    @display(description=_("operation"), ordering="kind")
    def operation(self, operation: Operation) -> str:
        return title_of(operation)

    @display(description=_("state"), ordering="state", label=STATE_COLORS)
    def state_label(self, operation: Operation) -> tuple[str, str]:
        return operation.state, operation.get_state_display()

    @display(description=_("progress"))
    def progress(self, operation: Operation) -> SafeString | str:
        if not operation.total:
            return ""
        bar = '<progress class="operator-progress" max="{}" value="{}" aria-hidden="true"></progress> {}'
        return format_html(bar, operation.total, operation.done, counts_of(operation))

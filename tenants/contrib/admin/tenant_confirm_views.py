"""What an operator is asked before a tenant is suspended or renamed."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from tenants.conf import tenancy
from tenants.contrib.admin.forms import capitalise_labels
from tenants.contrib.admin.operation_forms import NewSlugForm
from tenants.contrib.admin.tenant_operation_views import Question, TenantOperations, url_name
from tenants.lifecycle import rename_tenant
from tenants.models import Tenant


class SuspendForm(forms.Form):
    """What visitors read in the meantime."""

    notice = forms.CharField(
        label=_("notice"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("Stands on the shop’s page until you resume it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capitalise_labels(self)


class TenantQuestions(TenantOperations):
    """The part of the tenants' admin that suspends and renames."""

    def get_urls(self) -> list[URLPattern]:
        """Put these doors before Django's own URLs, the last of which takes any path."""
        views = {"suspend": self._door(self._suspend_page), "rename": self._door(self._rename_page)}
        guard = self.admin_site.admin_view
        doors = [path(f"<path:object_id>/{name}/", guard(view), name=url_name(name)) for name, view in views.items()]
        return [*doors, *super().get_urls()]

    def _suspend_page(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        form = SuspendForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._do(request, tenant, partial(self._suspend, notice=form.cleaned_data["notice"]))
            return self.back_to(request, tenant)
        question = Question(
            title=gettext("Suspend %s") % tenant.name,
            explanations=(
                gettext("Its addresses answer 503 until you resume it. Nothing is lost, and nobody is signed out."),
                gettext("On the shop’s page here you find a link then that lets its staff in all the same."),
            ),
            button=gettext("Suspend the shop"),
        )
        return self._ask(request, question, form, tenant)

    def _rename_page(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        form = NewSlugForm(request.POST or None)
        if form.is_valid():
            self._do(request, tenant, partial(self._rename, new_slug=form.cleaned_data["new_slug"]))
            return self.back_to(request, tenant)
        address = tenancy().url_of(f"{tenant.slug}.{tenancy().base_domain}")
        question = Question(
            title=gettext("Give %s another slug") % tenant.name,
            explanations=(
                gettext("Its address %s stops answering at once, and its new one begins. Domains stay.") % address,
                gettext("Everybody is signed out of the shop, and links that it sent are void."),
            ),
            button=gettext("Rename the shop"),
        )
        return self._ask(request, question, form, tenant)

    def _rename(self, request: HttpRequest, tenant: Tenant, *, new_slug: str) -> None:
        info = rename_tenant(tenant.pk, new_slug)
        self.log_change(request, tenant, gettext("Renamed: %s.") % info.slug)
        url = tenancy().url_of(info.host)
        news = gettext('{} answers here now: <a href="{}" class="operator-underlined">{}</a>')
        messages.success(request, format_html(news, tenant.name, url, url))

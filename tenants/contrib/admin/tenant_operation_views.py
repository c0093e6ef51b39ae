"""The doors of the tenants' admin behind which long work begins; each leads to the page that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from tenants.conf import tenancy
from tenants.contrib.admin.forms import DeleteTenantForm
from tenants.contrib.admin.operation_forms import CloneForm, RestoreForm, VariantForm
from tenants.contrib.admin.tenant_action_views import TenantLives
from tenants.contrib.admin.tenant_create_view import actor
from tenants.contrib.admin.tenant_facts import Migrations, with_migrations
from tenants.lifecycle.audit import acting_as
from tenants.models import Tenant
from tenants.tasks import start_operation

_DELETED = {Tenant.Status.DELETED, Tenant.Status.PURGING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked before work begins."""

    title: str
    explanations: tuple[str, ...]
    button: str
    button_variant: str = "primary"


class TenantOperations(TenantLives):
    """The part of the tenants' admin that migrates many, checks, clones, backs up, restores, purges, gives variants."""

    list_before_template = "tenants/admin/tenant_list_doors.html"

    def get_urls(self) -> list[URLPattern]:
        """Put these doors before Django's own URLs, the last of which takes any path."""
        of_all = {
            "migrate-behind": require_POST(self._migrate_behind),
            "check": require_POST(self._check),
            "restore": self._restore,
        }
        of_one = {
            "purge": self._door(self._purge, "delete"),
            "clone": self._door(self._clone, "add"),
            "variant": self._door(self._variant),
            "backup": require_POST(self._door(self._backup)),
        }
        guard = self.admin_site.admin_view
        return [
            *(path(f"{name}/", guard(view), name=url_name(name)) for name, view in of_all.items()),
            *(path(f"<path:object_id>/{name}/", guard(view), name=url_name(name)) for name, view in of_one.items()),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the doors that are for all tenants above it."""
        context = {"to_migrate": tenants_to_migrate().count(), "restores": bool(tenancy().backup_dir)}
        response: HttpResponse = super().changelist_view(request, {**context, **(extra_context or {})})
        return response

    def _door(self, view: Callable[[HttpRequest, Tenant], HttpResponse], *rights: str) -> Callable[..., HttpResponse]:
        """Return the view of a tenant's door, for who may change tenants and has these rights on them as well."""

        def door(request: HttpRequest, object_id: str) -> HttpResponse:
            _demand(request, *rights)
            tenant = self.get_object(request, unquote(object_id))
            return self._nobody(request, object_id) if tenant is None else view(request, tenant)

        return door

    # --- Doors

    def _migrate_behind(self, request: HttpRequest) -> HttpResponse:
        _demand(request)
        return self._start(request, "migrate")

    def _check(self, request: HttpRequest) -> HttpResponse:
        _demand(request)
        return self._start(request, "check")

    def _purge(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        if tenant.status not in _DELETED:
            messages.error(request, gettext("%s is not deleted. Delete it first.") % tenant.name)
            return self.back_to(request, tenant)
        form = DeleteTenantForm(tenant, request.POST or None)
        if form.is_valid():
            return self._start(request, "purge", tenant)
        loss = gettext("Its schema %s with every table in it, its users, its files and its addresses go now.")
        confirm = gettext("Nothing but a backup brings them back. To go on, type its slug: %s")
        question = Question(
            title=gettext("Purge %s now?") % tenant.name,
            explanations=(loss % tenant.schema, confirm % tenant.slug),
            button=gettext("Purge the tenant"),
            button_variant="danger",
        )
        return self._ask(request, question, form, tenant)

    def _clone(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        form = CloneForm(request.POST or None)
        if form.is_valid():
            return self._start(request, "clone", tenant, **form.cleaned_data)
        question = Question(
            title=gettext("Clone %s") % tenant.name,
            explanations=(
                gettext("Rows and files are copied as they are now; the shop stays open meanwhile."),
                gettext("The clone has no domains of its own, and nobody is signed in there."),
            ),
            button=gettext("Clone the shop"),
        )
        return self._ask(request, question, form, tenant)

    def _variant(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        form = VariantForm(tenant.variant, request.POST or None, request.FILES or None)
        if form.is_valid():
            return self._start(request, "variant", tenant, **form.arguments)
        question = Question(
            title=gettext("Give %s another variant") % tenant.name,
            explanations=(
                gettext("Its tables are made, and what is there begins with the defaults. The shop stays open."),
                gettext("What the variant before had is kept aside, and found again when the shop gets that back."),
            ),
            button=gettext("Give it this variant"),
        )
        return self._ask(request, question, form, tenant)

    def _backup(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        if not tenancy().backup_dir:
            messages.error(request, gettext("There is no folder for backups: the setting BACKUP_DIR is empty."))
            return self.back_to(request, tenant)
        return self._start(request, "backup", tenant)

    def _restore(self, request: HttpRequest) -> HttpResponse:
        # A dump is executed, and can hold any SQL.
        _demand(request, "add", "delete")
        form = RestoreForm(request.POST or None, initial={"slug": request.GET.get("slug", "")})
        if form.is_valid():
            given = form.cleaned_data
            return self._start(request, "restore", slug=given["slug"], file=given["file"], over=given["over"])
        some = gettext("From a backup in %s. Everything is put back, or nothing; nobody is signed in afterwards.")
        none = gettext("There is no backup in %s yet. Make one on the page of a tenant.")
        question = Question(
            title=gettext("Restore a shop"),
            explanations=((some if form.has_backups else none) % tenancy().backup_dir,),
            button=gettext("Restore the shop"),
        )
        return self._ask(request, question, form if form.has_backups else None)

    # --- What they have in common

    def _start(
        self, request: HttpRequest, kind: str, tenant: Tenant | None = None, *, slug: str = "", **arguments: Any
    ) -> HttpResponse:
        """Start the work in the operator's name and lead to the page that follows it."""
        with acting_as(actor(request)):
            operation = start_operation(kind, slug, tenant_id=tenant.pk if tenant else None, **arguments)
        self.log_addition(request, operation, gettext("Started."))
        return HttpResponseRedirect(reverse("admin:tenants_operation_change", args=[operation.pk]))

    def _ask(
        self, request: HttpRequest, question: Question, form: forms.Form | None, tenant: Tenant | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": question.title,
            "opts": self.opts,
            "original": tenant,
            "question": question,
            "form": form,
        }
        return TemplateResponse(request, "tenants/admin/start.html", context)


def tenants_to_migrate() -> QuerySet[Tenant]:
    """Return the tenants whose schema is not where the code is."""
    return Tenant.objects.filter(with_migrations(Migrations.BEHIND) | with_migrations(Migrations.FAILED))


def url_name(name: str) -> str:
    """Return the name of the URL of a door of the tenants' admin."""
    return f"tenants_tenant_{name.replace('-', '_')}"


def _demand(request: HttpRequest, *rights: str) -> None:
    """Refuse whoever may not change tenants, or lacks one of these rights on them."""
    if not request.user.has_perms([f"tenants.{right}_tenant" for right in ("change", *rights)]):
        raise PermissionDenied

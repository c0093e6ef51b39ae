"""Mixins for the admin of users: permission guard, invitations by e-mail, and reset of two-factor authentication."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from tenants.contrib.accounts import otp
from tenants.contrib.accounts.background import run_in_background
from tenants.contrib.accounts.emails import send_invitation
from tenants.contrib.accounts.forms import InvitationForm
from tenants.contrib.accounts.user_model import email_of, full_name_of
from tenants.contrib.impersonation.backend import exclude_operators, is_operator_account


class UserAdminGuardMixin(ModelAdmin):
    """Refuses to change or delete a user with more permissions than one's own, and any operator's account."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_edit(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_edit(request.user, obj)

    def _may_edit(self, editor: Any, user: Any) -> bool:
        if isinstance(user, self.model) and is_operator_account(user):
            return False
        # Unfold passes only the id when it renders the buttons of a page that was permitted before.
        if editor.is_superuser or not isinstance(user, self.model):
            return True
        return not user.is_superuser and _permissions_of(user) <= editor.get_all_permissions()


def _permissions_of(user: Any) -> set[str]:
    """Return the assigned permissions; `get_all_permissions` is empty for an inactive user."""
    permissions = Permission.objects.filter(Q(user=user) | Q(group__user=user)).order_by()
    return {f"{app}.{codename}" for app, codename in permissions.values_list("content_type__app_label", "codename")}


class InvitationMixin(UserAdminGuardMixin):
    """Lets superusers invite users, and reset a lost second factor."""

    actions = ["resend_invitation", "disable_second_factor"]
    list_before_template = "tenants/accounts/invite_button.html"

    def get_urls(self) -> list[URLPattern]:
        # Before Django's own URLs, the last of which matches any path.
        invite = self.admin_site.admin_view(self.invite)
        return [
            path("invite/", invite, name=f"{self.opts.app_label}_{self.opts.model_name}_invite"),
            *super().get_urls(),
        ]

    def has_invite_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def invite(self, request: HttpRequest) -> HttpResponse:
        if not self.has_invite_permission(request):
            raise PermissionDenied
        form = InvitationForm(request.POST or None)
        if form.is_valid():
            with transaction.atomic():
                user = form.save()
                self.log_addition(request, user, gettext("Invited."))
            self._send(request, [user])
            return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        context = {"title": _("Invite a user"), "opts": self.opts, "form": form}
        return TemplateResponse(
            request, "tenants/accounts/invite.html", {**self.admin_site.each_context(request), **context}
        )

    @admin.action(permissions=["invite"], description=_("Resend invitation"))
    def resend_invitation(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        invited = [
            user
            for user in exclude_operators(queryset)
            if user.is_active and email_of(user) and not user.has_usable_password()
        ]
        if invited:
            self._send(request, invited)
        else:
            messages.warning(request, gettext("The selected users have a password already, or no e-mail address."))

    def _send(self, request: HttpRequest, users: list[Any]) -> None:
        inviter: Any = request.user
        by, language = full_name_of(inviter) or inviter.get_username(), translation.get_language() or ""
        for user in users:
            transaction.on_commit(partial(run_in_background, send_invitation, user, by, language))
        sent = ngettext("%(count)d invitation is being sent.", "%(count)d invitations are being sent.", len(users))
        messages.success(request, sent % {"count": len(users)})

    @admin.action(permissions=["invite"], description=_("Turn off two-factor authentication"))
    def disable_second_factor(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """For a lost phone. One's own is turned off on the account page, which requires a code."""
        others = exclude_operators(queryset).exclude(pk=request.user.pk)
        disabled = [user for user in others if otp.disable(user)]
        for user in disabled:
            self.log_change(request, user, gettext("Turned off two-factor authentication."))
        if disabled:
            names = ", ".join(user.get_username() for user in disabled)
            messages.success(request, gettext("Two-factor authentication is off for: %s") % names)
        else:
            messages.warning(
                request, gettext("No selected user has two-factor authentication, except your own account.")
            )

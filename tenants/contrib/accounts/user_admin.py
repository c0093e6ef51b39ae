"""What the admin of users has on both sides: inviting somebody by e-mail, taking a lost second factor away, and keeping
everybody off the accounts of those who may do more than themselves."""

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

from tenants.contrib.accounts import otp as second_factor
from tenants.contrib.accounts.background import do_later
from tenants.contrib.accounts.emails import send_invitation
from tenants.contrib.accounts.forms import InvitationForm
from tenants.contrib.impersonation.backend import is_operator_account, without_operators


class GuardsUsers(ModelAdmin):
    """Lets nobody change or delete an account through which they would get hold of more rights than they have."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether they may: superusers all but operators, others those who may do no more than themselves."""
        return super().has_change_permission(request, obj) and self._may_touch(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same for deleting."""
        return super().has_delete_permission(request, obj) and self._may_touch(request.user, obj)

    def _may_touch(self, toucher: Any, user: Any) -> bool:
        if isinstance(user, self.model) and is_operator_account(user):
            return False
        # Unfold asks with the id alone, to see whether it shows the buttons below a page that was allowed already.
        if toucher.is_superuser or not isinstance(user, self.model):
            return True
        return not user.is_superuser and _rights_of(user) <= toucher.get_all_permissions()


def _rights_of(user: Any) -> set[str]:
    """Return what a user may, or could if they were switched on again: Django says of those who are off, nothing."""
    rights = Permission.objects.filter(Q(user=user) | Q(group__user=user)).order_by()
    return {f"{app}.{codename}" for app, codename in rights.values_list("content_type__app_label", "codename")}


class InvitesUsers(GuardsUsers):
    """Invites, and helps those who have lost their phone. For superusers: whoever is invited may work here."""

    actions = ["send_invitation_again", "take_second_factor_away"]
    list_before_template = "tenants/accounts/invite_button.html"

    def get_urls(self) -> list[URLPattern]:
        """Put the form before Django's own URLs, the last of which takes any path."""
        invite = self.admin_site.admin_view(self.invite)
        return [path("invite/", invite, name="auth_user_invite"), *super().get_urls()]

    def has_invite_permission(self, request: HttpRequest) -> bool:
        """Tell whether they may let somebody in, and in again: superusers may."""
        return bool(request.user.is_superuser)

    def invite(self, request: HttpRequest) -> HttpResponse:
        """Make an account without a password, and send its owner a link to choose one."""
        if not self.has_invite_permission(request):
            raise PermissionDenied
        form = InvitationForm(request.POST or None)
        if form.is_valid():
            with transaction.atomic():
                user = form.save()
                self.log_addition(request, user, gettext("Invited."))
            self._send(request, [user])
            return HttpResponseRedirect(reverse("admin:auth_user_changelist"))
        facts = {"title": _("Invite somebody"), "opts": self.opts, "form": form}
        context = {**self.admin_site.each_context(request), **facts}
        return TemplateResponse(request, "tenants/accounts/invite.html", context)

    @admin.action(permissions=["invite"], description=_("Send the invitation again"))
    def send_invitation_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        waiting = [
            user
            for user in without_operators(queryset)
            if user.is_active and user.email and not user.has_usable_password()
        ]
        if not waiting:
            messages.warning(request, gettext("All of them have a password already, or no address."))
            return
        self._send(request, waiting)

    def _send(self, request: HttpRequest, users: list[Any]) -> None:
        inviter: Any = request.user
        by, language = inviter.get_full_name() or inviter.get_username(), translation.get_language() or ""
        for user in users:
            transaction.on_commit(partial(do_later, send_invitation, user, by, language))
        sent = ngettext("An invitation is on its way.", "%(count)d invitations are on their way.", len(users))
        messages.success(request, sent % {"count": len(users)})

    @admin.action(permissions=["invite"], description=_("Take the second factor away"))
    def take_second_factor_away(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """For whoever has lost the phone. One's own goes by one's own page, which asks for a code."""
        others = without_operators(queryset).exclude(pk=request.user.pk)
        taken = [user for user in others if second_factor.take_away(user)]
        for user in taken:
            self.log_change(request, user, gettext("Took the second factor away."))
        if taken:
            names = ", ".join(user.get_username() for user in taken)
            messages.success(request, gettext("They sign in with their password alone now: %s") % names)
        else:
            messages.warning(request, gettext("None of them has a second factor, or it is your own."))

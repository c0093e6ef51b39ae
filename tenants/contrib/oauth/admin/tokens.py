"""Admin of access tokens: list and revoke."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from oauth2_provider.models import revoke_access_token
from unfold.decorators import display

from tenants.contrib.oauth.admin.base import OwnedByUserAdmin
from tenants.contrib.oauth.models import AccessToken


class AccessTokenAdmin(OwnedByUserAdmin):
    """Clients with access: their latest access token, which is valid or can be refreshed."""

    revoke_permission = "oauth.delete_accesstoken"
    list_display = ["acts_as", "client", "scope", "created", "kind", "expires"]
    list_filter = ["application"]
    search_fields = [f"user__{get_user_model().USERNAME_FIELD}", "application__name"]
    fields = ["user", "application", "scope", "created", "expires"]
    actions = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        good = Q(expires__gt=timezone.now()) | Q(refresh_token__isnull=False, refresh_token__revoked=None)
        return super().get_queryset(request).filter(good).select_related("application", "refresh_token")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> None:
        revoked = [token for token in tokens if self.can_revoke(request, token)]
        for token in revoked:
            self.log_deletions(request, AccessToken.objects.filter(pk=token.pk))
            revoke_access_token(token)
        text = ngettext("Access of %(count)s app was revoked.", "Access of %(count)s apps was revoked.", len(revoked))
        self.message_user(request, text % {"count": len(revoked)}, messages.SUCCESS if revoked else messages.WARNING)

    @display(description=_("user"))
    def acts_as(self, token: AccessToken) -> Any:
        return _("itself") if token.user is None else token.user

    @display(description=_("client"))
    def client(self, token: AccessToken) -> Any:
        return _("password login") if token.application is None else token.application.name

    @display(description=_("type"), label={"renewable": "info", "short": "success"})
    def kind(self, token: AccessToken) -> tuple[str, Any]:
        return ("renewable", _("renewable")) if hasattr(token, "refresh_token") else ("short", _("until it expires"))

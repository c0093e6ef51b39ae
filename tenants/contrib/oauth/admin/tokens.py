"""Where programs are signed in for somebody, in a shop's admin: seen and ended."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
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
    """Each row is a program that can act now: its latest access token, and what it gets the next one with."""

    revoke_permission = "oauth.delete_accesstoken"
    list_display = ["who", "program", "scope", "created", "kind", "expires"]
    list_filter = ["application"]
    search_fields = ["user__username", "application__name"]
    fields = ["user", "application", "scope", "created", "expires"]
    actions = ["end"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        """Return those that are good, or can be had anew."""
        good = Q(expires__gt=timezone.now()) | Q(refresh_token__isnull=False, refresh_token__revoked=None)
        return super().get_queryset(request).filter(good).select_related("application", "refresh_token")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tokens are asked for, and not made by hand."""
        return False

    @admin.action(description=_("End"))
    def end(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> None:
        """Make void what is chosen, as far as this user may."""
        ended = [token for token in tokens if self.can_revoke(request, token)]
        for token in ended:
            self.log_deletions(request, AccessToken.objects.filter(pk=token.pk))
            revoke_access_token(token)
        text = ngettext("%(count)s sign-in was ended.", "%(count)s sign-ins were ended.", len(ended))
        self.message_user(request, text % {"count": len(ended)}, messages.SUCCESS if ended else messages.WARNING)

    @display(description=_("for whom"))
    def who(self, token: AccessToken) -> Any:
        """Say for whom it acts."""
        return _("itself") if token.user is None else token.user

    @display(description=_("program"))
    def program(self, token: AccessToken) -> Any:
        """Say which program it is."""
        return _("with name and password") if token.application is None else token.application.name

    @display(description=_("kind"), label={"stays": "info", "passes": "success"})
    def kind(self, token: AccessToken) -> tuple[str, Any]:
        """Say whether it goes on when the token has expired."""
        return ("stays", _("stays signed in")) if hasattr(token, "refresh_token") else ("passes", _("until it expires"))

"""Clients, grants, tokens and keys of a tenant. Secrets are stored as digests."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import (
    AbstractAccessToken,
    AbstractApplication,
    AbstractDeviceGrant,
    AbstractGrant,
    AbstractIDToken,
    AbstractRefreshToken,
    ApplicationManager,
    set_token_value,
)

from tenants.contrib.oauth.fields import KeyedDigestField, TokenDigestField
from tenants.contrib.oauth.secrets import hash_secret, new_secret
from tenants.contrib.oauth.validators import check_origins, check_redirect_uris, normalized_origin


class Application(AbstractApplication):
    """An OAuth client."""

    CLIENT_SECRET_PREFIX = "sangga_cs_"  # noqa: S105  # how secrets begin

    name = models.CharField(_("name"), max_length=255, help_text=_("Shown to users when the client asks for consent."))
    client_secret = models.CharField(_("client secret"), max_length=80, blank=True, editable=False)
    scopes = models.TextField(
        _("scopes"),
        blank=True,
        help_text=_("Scopes that the client may request, separated by spaces: goods:read orders:read"),
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("An inactive client gets no tokens, and its tokens are invalid.")
    )

    allowed_origins: Any  # declared by the toolkit
    objects = ApplicationManager()
    shown_once = ""
    """The secret, on the instance that created it; never saved."""

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ["name", "pk"]

    @property
    def scope_list(self) -> list[str]:
        """Scopes that the client may request."""
        return str(self.scopes).split()

    def renew_secret(self) -> str:
        """Set and return a new secret, of which only the digest is stored. Does not save."""
        secret = new_secret(self.CLIENT_SECRET_PREFIX)
        self.client_secret, self.shown_once = hash_secret(secret), secret
        return secret

    def is_usable(self, request: Any) -> bool:
        """Return whether it may get tokens; called by django-oauth-toolkit."""
        return bool(self.is_active)

    def clean(self) -> None:
        super().clean()
        check_redirect_uris(str(self.redirect_uris))
        origins = str(self.allowed_origins)
        check_origins(origins)
        self.allowed_origins = " ".join(map(normalized_origin, origins.split()))
        acts_for_itself = self.authorization_grant_type == self.GRANT_CLIENT_CREDENTIALS
        if acts_for_itself and self.client_type == self.CLIENT_PUBLIC:
            message = _("Client credentials require the client type “confidential”.")
            raise ValidationError({"client_type": message})


class Grant(AbstractGrant):
    """An authorization code, valid for a minute and used once."""

    code = KeyedDigestField("oauth code", unique=True)
    family = models.UUIDField(null=True, editable=False)
    """Token family that it was exchanged for; a second use of the code revokes it."""

    class Meta:
        verbose_name = _("authorization code")
        verbose_name_plural = _("authorization codes")
        default_permissions = ()


class AccessToken(AbstractAccessToken):
    """An issued token. Requests are authenticated without its row.

    When a row is deleted before it expires, a trigger adds its `jti` to `RevokedToken`.
    """

    token: Any = None  # no column: only the digest is stored
    id_token: Any = None
    token_checksum = TokenDigestField("oauth access token", unique=True, editable=False)
    jti = models.UUIDField(_("token ID"), unique=True, default=uuid.uuid4, editable=False)

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        default_permissions = ("view", "delete")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["expires"], name="oauth_accesstoken_expires")]

    def set_token(self, token: str) -> None:
        """Set the token, whose digest is saved with the row."""
        set_token_value(self, token)


class RefreshToken(AbstractRefreshToken):
    """A refresh token, used once. All tokens of one consent are a family."""

    token: Any = None
    token_checksum = TokenDigestField("oauth refresh token", unique=True, editable=False)

    class Meta:
        verbose_name = _("refresh token")
        verbose_name_plural = _("refresh tokens")
        default_permissions = ("view", "delete")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["token_family"], name="oauth_refreshtoken_family")]


class IDToken(AbstractIDToken):
    """Without a table, as ID tokens are not stored; django-oauth-toolkit needs the model."""

    user: Any = None
    application: Any = None

    class Meta:
        managed = False
        default_permissions = ()


class DeviceGrant(AbstractDeviceGrant):
    """Without a table, as there is no device grant; django-oauth-toolkit needs the model."""

    user: Any = None

    class Meta:
        managed = False
        default_permissions = ()


class SigningKey(models.Model):
    """A key pair (P-256). The one that is not retired signs tokens; all published ones verify them."""

    kid = models.CharField(_("key ID"), max_length=43, primary_key=True)
    generation = models.CharField(max_length=16, editable=False)
    """Derived from epoch and SECRET_KEY; keys of another generation are ignored."""
    public = models.JSONField(_("public key"))
    private = models.BinaryField(_("private key, encrypted"))
    created = models.DateTimeField(_("created"), db_default=Now())
    retired = models.DateTimeField(_("retired"), null=True)
    published_until = models.DateTimeField(_("published until"), null=True)

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        default_permissions = ("view", "change")
        ordering = ["-created"]
        constraints = [
            # Two processes that find none create one.
            models.UniqueConstraint(fields=["generation"], condition=Q(retired=None), name="oauth_one_key_signs"),
        ]

    def __str__(self) -> str:
        return str(self.kid)


class RevokedToken(models.Model):
    """An access token that was revoked before it expired. `KeyCache` holds them in memory."""

    jti = models.UUIDField(primary_key=True)
    expires = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("revoked token")
        verbose_name_plural = _("revoked tokens")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.jti)


class ApiKey(models.Model):
    """A key with which scripts of a user call the API. It is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100, help_text=_("What the key is used for."))
    digest = KeyedDigestField("oauth api key", unique=True, editable=False)
    prefix = models.CharField(_("prefix"), max_length=20, editable=False)
    scopes = models.TextField(_("scopes"), blank=True)
    created = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    expires = models.DateTimeField(_("expires"), null=True, blank=True, help_text=_("Empty: never."))
    last_used = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked = models.DateTimeField(_("revoked"), null=True, editable=False)
    shown_once = ""
    """The key, on the instance that created it; never saved."""

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        default_permissions = ("view", "change")  # for keys of other users; users may always see and revoke their own
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_valid(self) -> bool:
        return self.revoked is None and (self.expires is None or self.expires > timezone.now())

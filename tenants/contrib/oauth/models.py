"""Clients, grants, tokens and keys of a tenant. What was given out is kept as a digest alone."""

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
    """A program that may ask for tokens. OAuth's word for it is client."""

    CLIENT_SECRET_PREFIX = "sangga_cs_"  # noqa: S105  # how secrets begin

    name = models.CharField(_("name"), max_length=255, help_text=_("What people read when it asks for their consent."))
    client_secret = models.CharField(_("client secret"), max_length=80, blank=True, editable=False)
    scopes = models.TextField(
        _("scopes"), blank=True, help_text=_("What it may ask for at most, with spaces between: goods:read orders:read")
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switched off, it gets no token, and those that it has are void.")
    )

    allowed_origins: Any  # declared by the toolkit
    objects = ApplicationManager()
    shown_once = ""
    """Its secret, on the instance that made it; never saved."""

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ["name", "pk"]

    @property
    def scope_list(self) -> list[str]:
        """What it may ask for at most."""
        return str(self.scopes).split()

    def renew_secret(self) -> str:
        """Give it another secret and return that; it is kept as a digest, so it is seen this once. Saves nothing."""
        secret = new_secret(self.CLIENT_SECRET_PREFIX)
        self.client_secret, self.shown_once = hash_secret(secret), secret
        return secret

    def is_usable(self, request: Any) -> bool:
        """Tell whether it gets tokens at all; asked by django-oauth-toolkit."""
        return bool(self.is_active)

    def clean(self) -> None:
        """Refuse what could lead a code or a token to the wrong place."""
        super().clean()
        check_redirect_uris(str(self.redirect_uris))
        origins = str(self.allowed_origins)
        check_origins(origins)
        self.allowed_origins = " ".join(map(normalized_origin, origins.split()))
        machine = self.authorization_grant_type == self.GRANT_CLIENT_CREDENTIALS
        if machine and self.client_type == self.CLIENT_PUBLIC:
            message = _("A client that acts for itself has to keep a secret: choose “confidential”.")
            raise ValidationError({"client_type": message})


class Grant(AbstractGrant):
    """An authorization code on its way from the browser to the client: a minute long, used once."""

    code = KeyedDigestField("oauth code", unique=True)
    family = models.UUIDField(null=True, editable=False)
    """What it was changed into. A code that comes a second time ends that."""

    class Meta:
        verbose_name = _("authorization code")
        verbose_name_plural = _("authorization codes")
        default_permissions = ()


class AccessToken(AbstractAccessToken):
    """A token that was given out. The row is for people and for revoking; a request is answered without it.

    A trigger writes down the `jti` of one that is deleted before its time as revoked (`RevokedToken`).
    """

    token: Any = None  # no column: what was given out is nobody's to read
    id_token: Any = None
    token_checksum = TokenDigestField("oauth access token", unique=True, editable=False)
    jti = models.UUIDField(_("token id"), unique=True, default=uuid.uuid4, editable=False)

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        default_permissions = ("view", "delete")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["expires"], name="oauth_accesstoken_expires")]

    def remember(self, token: str) -> None:
        """Keep the digest of the token when the row is saved."""
        set_token_value(self, token)


class RefreshToken(AbstractRefreshToken):
    """What a client gets a new access token with. Each is used once; all that came of one consent are a family."""

    token: Any = None
    token_checksum = TokenDigestField("oauth refresh token", unique=True, editable=False)

    class Meta:
        verbose_name = _("sign-in of a client")
        verbose_name_plural = _("sign-ins of clients")
        default_permissions = ("view", "delete")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["token_family"], name="oauth_refreshtoken_family")]


class IDToken(AbstractIDToken):
    """Stands in for a table that django-oauth-toolkit can do without: identity tokens are not written down."""

    user: Any = None
    application: Any = None

    class Meta:
        managed = False
        default_permissions = ()


class DeviceGrant(AbstractDeviceGrant):
    """Stands in for a table that is not there: tenants do not offer the grant for devices."""

    user: Any = None

    class Meta:
        managed = False
        default_permissions = ()


class SigningKey(models.Model):
    """A key pair that signs tokens (P-256). The newest one that is not retired signs; all that are published verify."""

    kid = models.CharField(_("key id"), max_length=43, primary_key=True)
    generation = models.CharField(max_length=16, editable=False)
    """For which epoch and SECRET_KEY it was made: with another one it signs and verifies nothing."""
    public = models.JSONField(_("public key"))
    private = models.BinaryField(_("private key, sealed"))
    created = models.DateTimeField(_("created"), db_default=Now())
    retired = models.DateTimeField(_("signs no more since"), null=True)
    published_until = models.DateTimeField(_("published until"), null=True)

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        default_permissions = ("view", "change")
        ordering = ["-created"]
        constraints = [
            # Two processes that both find none make one.
            models.UniqueConstraint(fields=["generation"], condition=Q(retired=None), name="oauth_one_key_signs"),
        ]

    def __str__(self) -> str:
        return str(self.kid)


class RevokedToken(models.Model):
    """An access token that is void before its time. Kept in memory by every process that verifies."""

    jti = models.UUIDField(primary_key=True)
    expires = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("revoked token")
        verbose_name_plural = _("revoked tokens")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.jti)


class ApiKey(models.Model):
    """A key with which somebody's own scripts use the API as them. Shown once; kept as a digest."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys", verbose_name=_("whose it is")
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What it is for: you will be glad of it later."))
    digest = KeyedDigestField("oauth api key", unique=True, editable=False)
    prefix = models.CharField(_("begins with"), max_length=20, editable=False)
    scopes = models.TextField(_("scopes"), blank=True)
    created = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    expires = models.DateTimeField(_("expires"), null=True, blank=True, help_text=_("Empty: it does not."))
    last_used = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked = models.DateTimeField(_("revoked"), null=True, editable=False)
    shown_once = ""
    """The key, on the instance that made it; never saved."""

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        default_permissions = ("view", "change")  # of everybody's; to one's own there is a right without them
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_valid(self) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked is None and (self.expires is None or self.expires > timezone.now())

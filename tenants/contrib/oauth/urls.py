"""URLs of the OAuth provider, to be included at the root of a host, where well-known URLs must be."""

from __future__ import annotations

from django.urls import path

from tenants.contrib.oauth import discovery, views
from tenants.contrib.oauth import password_token as password
from tenants.contrib.oauth.introspection import Introspect

app_name = "oauth"
urlpatterns = [
    path(".well-known/oauth-authorization-server", discovery.metadata, name="server"),
    path(".well-known/openid-configuration", discovery.metadata, name="openid"),
    path("oauth/jwks.json", discovery.jwks, name="jwks"),
    path("oauth/sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("oauth/sign-in/code/", views.SecondStep.as_view(), name="second-step"),
    path("oauth/authorize", views.Authorize.as_view(), name="authorize"),
    path("oauth/token", views.Token.as_view(), name="token"),
    path("oauth/revoke", views.Revoke.as_view(), name="revoke"),
    path("oauth/introspect", Introspect.as_view(), name="introspect"),
    path("oauth/userinfo", discovery.userinfo, name="userinfo"),
    path("api/token", password.PasswordToken.as_view(), name="password-token"),
    path("api/protected", password.protected, name="protected"),
]

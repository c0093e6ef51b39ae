"""Links to set a password. Only the tenant that has issued a link accepts it: its SECRET_KEY signs the token."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.urls import NoReverseMatch, reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tenants.absolute_urls import primary_url
from tenants.isolation.urlconfs import import_urlconfs, urlconf_of_active


def password_link(user: Any) -> str:
    """Return the URL at which a user of the active tenant sets a password, once.

    It has the name `set_password`, else that of Django's own page. Raises `NoReverseMatch` if there is neither.
    """
    import_urlconfs()
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    path = _reverse(kwargs={"uidb64": uid, "token": token})
    return primary_url(path)


def _reverse(kwargs: dict[str, str]) -> str:
    urlconf = urlconf_of_active()
    try:
        return reverse("set_password", urlconf, kwargs=kwargs)
    except NoReverseMatch:
        return reverse("password_reset_confirm", urlconf, kwargs=kwargs)

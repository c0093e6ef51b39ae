"""What the tests need of either User model."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

PASSWORD = "correct horse battery staple"
IN_TENANTS = settings.USERS_IN != "public"
ON_PLATFORM = settings.USERS_IN != "tenants"
OWNER_FIELDS = {"full_name": "Jo Owner"} if settings.OWN_USER else {}


def create_superuser(email: str) -> Any:
    names = {"email": email, "full_name": "Kim"} if settings.OWN_USER else {"username": email, "email": email}
    return get_user_model()._default_manager.create_superuser(**names, password=PASSWORD)


def sign_in(client: Client, email: str, password: str = PASSWORD) -> bool:
    """Sign in at the admin of the client's host, and tell whether that was accepted."""
    answer = client.post("/admin/login/?next=/admin/", {"username": email, "password": password})
    return answer.status_code == 302

"""What Sangga's steps put into a new tenant, put into a peer's."""

from __future__ import annotations

from types import SimpleNamespace

from django.contrib.auth.models import User

from shop.steps import create_staff_groups


def create_rows(name: str) -> None:
    """Make the owner, who has no password yet, and the groups of the staff."""
    email = f"owner@{name}.example"
    User.objects.create_superuser(email, email, None)
    # Sangga's own order is out of reach where its apps are not installed; the step only passes it on.
    create_staff_groups(SimpleNamespace(slug=name, owner_email=email))

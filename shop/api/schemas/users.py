"""Users of the shop, and who one is oneself."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from ninja import Field, Schema


class UserOut(Schema):
    """Somebody who can sign in at this shop."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    is_staff: bool
    is_active: bool
    groups: list[str]
    last_login: datetime | None

    @staticmethod
    def resolve_groups(user: User) -> list[str]:
        return [group.name for group in user.groups.all()]


class MeOut(Schema):
    """Whom a request acts for."""

    username: str = Field(description="Empty for an application that acts for itself.")
    client: str = Field(description="The application or key of the token; empty for a session.")
    is_staff: bool
    permissions: list[str] = Field(description="What they may do, as Django's permissions.")
    scopes: list[str] | None = Field(description="What the token is good for; null for a session.")

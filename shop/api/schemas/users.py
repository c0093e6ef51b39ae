"""Users of the shop."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from ninja import Field, Schema


class UserFilter(Schema):
    """Filters of users."""

    search: str = Field("", max_length=200, description="A part of the username, name or email address.")
    is_staff: bool | None = None


class UserOut(Schema):
    """A user of this shop."""

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
    """The user or application of this request."""

    username: str = Field(description="Empty for an application without a user.")
    client: str = Field(description="The application or key of the token; empty for a session.")
    is_staff: bool
    permissions: list[str] = Field(description="The permissions that the request has, in Django's notation.")
    scopes: list[str] | None = Field(description="The scopes of the token; null for a session.")

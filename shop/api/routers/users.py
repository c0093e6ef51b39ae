"""The users of this shop, for its staff; and who one is oneself."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from typing import Any

from django.contrib.auth.models import Permission, User
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from shop.api.filters import filter_for, search_words
from shop.api.schemas.users import MeOut, UserOut
from shop.api.services.write import get_or_404
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import by_text
from tenants.contrib.api.pagination import Pagination

_BY_NAME = by_text("username")


class UserFilter(Schema):
    """Which users."""

    search: str = Field("", max_length=200, description="A part of the user name, name or e-mail address.")
    is_staff: bool | None = None


def make_router(pagination: Pagination) -> Router:
    """Return the router of a version that cuts lists in this way."""
    router = Router(tags=["users"])
    Filter = filter_for(pagination, UserFilter)  # noqa: N806  # a class

    @router.get("/users", response=pagination.schema_of(UserOut), auth=HasPermissions("auth.view_user"))
    def list_users(request: HttpRequest, response: HttpResponse, filters: Query[Filter]) -> Any:
        """List the users of this shop, by user name."""
        everybody = User.objects.prefetch_related("groups")
        users = search_words(everybody, filters.search, "username", "first_name", "last_name", "email")
        if filters.is_staff is not None:
            users = users.filter(is_staff=filters.is_staff)
        return pagination.paginate(users, _BY_NAME, filters, request, response)

    @router.get("/users/{user_id}", response=UserOut, auth=HasPermissions("auth.view_user"))
    def get_user(request: HttpRequest, user_id: int) -> User:
        """Get one user of this shop."""
        return get_or_404(User.objects.prefetch_related("groups"), "user", user_id, pk=user_id)

    @router.get("/me", response=MeOut, auth=HasPermissions())
    def get_me(request: HttpRequest) -> MeOut:
        """Tell whom this request acts for, and what they may do."""
        access = request.auth
        return MeOut(
            username=access.user.get_username() if access.user else "",
            client=access.client,
            is_staff=bool(access.user and access.user.is_staff),
            permissions=sorted(one for one in _permissions() if access.has_perm(one)),
            scopes=None if access.scopes is None else sorted(access.scopes),
        )

    return router


def _permissions() -> list[str]:
    codes = Permission.objects.order_by().values_list("content_type__app_label", "codename")
    return [f"{app}.{codename}" for app, codename in codes]

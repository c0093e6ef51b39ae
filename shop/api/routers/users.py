"""The users of this shop, for its staff, and the caller's own account."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Router

from shop.api.filters import query_of, search_words
from shop.api.operations import access_of, get_or_404, with_types
from shop.api.schemas.users import MeOut, UserFilter, UserOut
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import by_text
from tenants.contrib.api.pagination import Pagination

_BY_NAME = by_text("username")


def make_router(pagination: Pagination) -> Router:
    router = Router(tags=["users"])

    @router.get("/users", response=pagination.schema_of(UserOut), auth=HasPermissions("auth.view_user"))
    @with_types(filters=query_of(pagination, UserFilter))
    def list_users(request: HttpRequest, response: HttpResponse, filters: UserFilter) -> Any:
        """List the users of this shop, by username."""
        users = search_words(_users(), filters.search, "username", "first_name", "last_name", "email")
        if filters.is_staff is not None:
            users = users.filter(is_staff=filters.is_staff)
        return pagination.paginate(users, _BY_NAME, filters, request, response)

    @router.get("/users/{user_id}", response=UserOut, auth=HasPermissions("auth.view_user"))
    def get_user(request: HttpRequest, user_id: int) -> User:
        """Get a user of this shop."""
        return get_or_404(_users(), "user", user_id, pk=user_id)

    @router.get("/me", response=MeOut, auth=HasPermissions())
    def get_me(request: HttpRequest) -> MeOut:
        """Get the user or application of this request, and its permissions."""
        access = access_of(request)
        codes = Permission.objects.order_by().values_list("content_type__app_label", "codename")
        return MeOut(
            username=access.user.get_username() if access.user else "",
            client=access.client,
            is_staff=bool(getattr(access.user, "is_staff", False)),
            permissions=sorted(code for code in map(".".join, codes) if access.has_perm(code)),
            scopes=None if access.scopes is None else sorted(access.scopes),
        )

    return router


def _users() -> QuerySet[User]:
    return User.objects.prefetch_related("groups")

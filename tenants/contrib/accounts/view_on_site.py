"""The admin's address that leads to where something can be seen on the site, for what its admin shows and no more."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.views import shortcut
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, path
from unfold.sites import UnfoldAdminSite


class GuardedViewOnSite(UnfoldAdminSite):
    """The base of our admin sites. Django's own tells any staff of any row whether it is there, and breaks on some."""

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Put the guarded view before Django's, at the same address."""
        view = self.admin_view(self._view_on_site)
        return [path("r/<str:content_type_id>/<path:object_id>/", view, name="view_on_site"), *super().get_urls()]

    def _view_on_site(self, request: HttpRequest, content_type_id: str, object_id: str) -> HttpResponseRedirect:
        model = _model_of(content_type_id)
        admin: Any = self._registry.get(model) if model else None
        # PostgreSQL takes no NUL, not even in a question.
        if admin is None or "\0" in object_id or not admin.has_view_permission(request):
            raise Http404("Nothing that you may see is there.")
        return shortcut(request, content_type_id, object_id)


def _model_of(content_type_id: str) -> Any:
    try:
        return ContentType.objects.get_for_id(int(content_type_id)).model_class()
    except (ContentType.DoesNotExist, ValueError):
        return None

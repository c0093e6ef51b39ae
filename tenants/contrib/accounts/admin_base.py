"""Bases of admin sites and inlines: “View on site” by permission, and inlines without a title for each row."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.views import shortcut
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, path
from unfold.admin import TabularInline
from unfold.sites import UnfoldAdminSite


class SafeViewOnSiteMixin(UnfoldAdminSite):
    """Redirects to an object's page only where its model is registered and the user may view it.

    Django's own view reveals to any staff member whether any row exists.
    """

    def get_urls(self) -> list[URLResolver | URLPattern]:
        view = self.admin_view(self._view_on_site)
        return [path("r/<str:content_type_id>/<path:object_id>/", view, name="view_on_site"), *super().get_urls()]

    def _view_on_site(self, request: HttpRequest, content_type_id: str, object_id: str) -> HttpResponseRedirect:
        model = _model_of(content_type_id)
        admin: Any = self._registry.get(model) if model else None
        # PostgreSQL refuses a NUL in a parameter.
        if admin is None or "\0" in object_id or not admin.has_view_permission(request):
            raise Http404("No such object, or no permission to view it.")
        return shortcut(request, content_type_id, object_id)


def _model_of(content_type_id: str) -> Any:
    try:
        return ContentType.objects.get_for_id(int(content_type_id)).model_class()
    except (ContentType.DoesNotExist, ValueError):
        return None


class UntitledInline(TabularInline):
    """A table whose rows need no title above them."""


# Newer versions of django-unfold renamed `hide_title` to its opposite, and warn about the old name.
if hasattr(TabularInline, "show_title"):
    UntitledInline.show_title = False
else:
    UntitledInline.hide_title = True

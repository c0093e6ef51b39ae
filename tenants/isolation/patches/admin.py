"""Patches of `django.contrib.admin`: a site for both sides shows on each only models with tables there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import Http404, HttpRequest
from django.urls import URLPattern, URLResolver

from tenants.context import active_tenant
from tenants.isolation.app_placement import is_installed_for

GUARD = "only_where_its_tables_are"
"""Attribute of a guarded view: the label of its model's app."""


def has_tables(app_label: str) -> bool:
    """Return whether an app has tables where the request is; without a tenant the router refuses queries."""
    tenant = active_tenant()
    return tenant is None or is_installed_for(app_label, tenant)


def urls_where_tables_are(original: Any) -> property:
    @wraps(original.fget)
    def urls(self: Any) -> list[URLPattern | URLResolver]:
        return _guarded(original.fget(self), self.model._meta.app_label)

    return property(urls)


def apps_with_tables(original: Any) -> Any:
    @wraps(original)
    def _build_app_dict(self: Any, request: HttpRequest, label: str | None = None) -> Any:
        return {name: app for name, app in original(self, request, label).items() if has_tables(name)}

    return _build_app_dict


def autocomplete_where_tables_are(original: Any) -> Any:
    @wraps(original)
    def autocomplete_view(self: Any, request: HttpRequest) -> Any:
        label = request.GET.get("app_label")
        if label and not has_tables(label):
            raise Http404
        return original(self, request)

    return autocomplete_view


def _guarded(patterns: Iterable[Any], app_label: str) -> list[URLPattern | URLResolver]:
    found: list[URLPattern | URLResolver] = []
    for each in patterns:
        if isinstance(each, URLResolver):
            inner = _guarded(each.url_patterns, app_label)
            found.append(URLResolver(each.pattern, inner, each.default_kwargs, each.app_name, each.namespace))
        else:
            view = _guarded_view(each.callback, app_label)
            found.append(URLPattern(each.pattern, view, each.default_args, each.name))
    return found


def _guarded_view(view: Callable[..., Any], app_label: str) -> Callable[..., Any]:
    # Before any code of the model's admin: some of its views act on the control plane.
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not has_tables(app_label):
            raise Http404
        return view(request, *args, **kwargs)

    if iscoroutinefunction(view):
        markcoroutinefunction(guarded)
    setattr(guarded, GUARD, app_label)
    return guarded

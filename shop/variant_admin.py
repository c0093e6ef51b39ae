"""The shop's admin for one variant: its models and admin classes, at the same URLs as the default ones.

Permissions are those on the default models, so that users and groups keep theirs when a shop gets another variant.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin import autodiscover
from django.contrib.auth import get_permission_codename
from django.db.models import Model
from django.db.models.options import Options
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, include, path, re_path, reverse
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from tenants.contrib.accounts.admin_base import UntitledInline
from tenants.contrib.accounts.admin_site import AccountsSite
from tenants.variants import default_of


class DefaultPermissionsMixin:
    """Checks permissions on the default model, also for a variant's model."""

    model: type[Model]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_module_perms(default_of(self.model)._meta.app_label))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may("view", request) or self._may("change", request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may("add", request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may("change", request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may("delete", request)

    def _may(self, action: str, request: HttpRequest) -> bool:
        opts = default_of(self.model)._meta
        return request.user.has_perm(f"{opts.app_label}.{get_permission_codename(action, opts)}")


class ShopModelAdmin(DefaultPermissionsMixin, ModelAdmin):
    """Base of admin classes that a variant can replace."""


class ShopInline(DefaultPermissionsMixin, UntitledInline):
    """Base of inlines that a variant can replace."""


class _Registry(dict[type[Model], Any]):
    """Admin classes by model. A default model stands for the variant's."""

    def __init__(self, children: dict[type[Model], type[Model]]) -> None:
        super().__init__()
        self._children = children

    def __missing__(self, model: type[Model]) -> Any:
        if model not in self._children:
            raise KeyError(model)
        return self[self._children[model]]

    def __contains__(self, model: object) -> bool:
        return super().__contains__(self._children.get(model, model) if isinstance(model, type) else model)

    def get(self, model: type[Model], default: Any = None) -> Any:
        return super().get(self._children.get(model, model), default)


class _DefaultOptions:
    """The options of a variant's model, as if it were in the app of the default."""

    def __init__(self, own: Options[Any], default: Options[Any]) -> None:
        self._own = own
        self.app_label, self.app_config = default.app_label, default.app_config
        self.model_name = default.model_name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


class VariantSite(AccountsSite):
    """An admin site in place of the default one, with a variant's models and classes."""

    def __init__(self, default: UnfoldAdminSite, children: dict[type[Model], type[Model]], classes: Any) -> None:
        autodiscover()  # registers the default classes
        self.settings_name = default.settings_name
        self.index_title, self.index_template = default.index_title, default.index_template
        super().__init__(default.name)
        self._registry = _Registry(children)
        self._defaults = {child: parent for parent, child in children.items()}
        for model, admin in default._registry.items():
            self.register(children.get(model, model), classes(type(admin)))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the URLs: a variant's model has the path of its default, and URL names of both."""
        at = {_route(child): (child, parent) for child, parent in self._defaults.items()}
        return [
            self._apps()
            if getattr(entry, "name", "") == "app_list"
            else self._moved(*at[str(entry.pattern)])
            if str(entry.pattern) in at
            else entry
            for entry in super().get_urls()
        ]

    def _apps(self) -> URLPattern:
        """Return the URL of app pages, also for an app whose models are all replaced."""
        models = [*self._registry, *self._defaults.values()]
        labels = "|".join(sorted({model._meta.app_label for model in models}))
        return re_path(rf"^(?P<app_label>{labels})/$", self.admin_view(self.app_index), name="app_list")

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Show the app of the default model in pages of a variant's model."""

        @wraps(view)
        def with_default_app(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            response = view(request, *args, **kwargs)
            context = getattr(response, "context_data", None) or {}
            model = getattr(context.get("opts"), "model", None)
            if model in self._defaults:
                context["opts"] = _DefaultOptions(model._meta, self._defaults[model]._meta)
            return response

        wrapped: Callable[..., Any] = super().admin_view(with_default_app, cacheable)
        return wrapped

    def _moved(self, child: type[Model], parent: type[Model]) -> URLResolver:
        own, old = (f"{model._meta.app_label}_{model._meta.model_name}_" for model in (child, parent))
        urls = self._registry[child].get_urls()
        aliases = [
            URLPattern(url.pattern, url.callback, url.default_args, old + url.name.removeprefix(own))
            for url in urls
            if isinstance(url, URLPattern) and url.name and url.name.startswith(own)
        ]
        # A path resolves to its first pattern; a name reverses to any pattern.
        return path(_route(parent), include([*aliases, *urls]))

    def _build_app_dict(self, request: HttpRequest, label: str | None = None) -> dict[str, Any]:
        """Return the models by app; a variant's models are in the app of their default."""
        found: dict[str, Any] = super()._build_app_dict(request)
        for child, parent in self._defaults.items():
            own = found.get(child._meta.app_label, {"models": []})
            moved = [entry for entry in own["models"] if entry["model"] is child]
            if moved:
                old = found.setdefault(parent._meta.app_label, self._entry_of_app(parent, own))
                old["models"] += moved
                own["models"] = [entry for entry in own["models"] if entry not in moved]
        return {app: entry for app, entry in found.items() if entry["models"] and label in {None, app}}

    def _entry_of_app(self, model: type[Model], like: dict[str, Any]) -> dict[str, Any]:
        """Return the index entry of an app whose models are all replaced."""
        config = model._meta.app_config
        address = reverse("admin:app_list", kwargs={"app_label": config.label}, current_app=self.name)
        return {**like, "name": config.verbose_name, "app_label": config.label, "app_url": address, "models": []}


def _route(model: type[Model]) -> str:
    return f"{model._meta.app_label}/{model._meta.model_name}/"

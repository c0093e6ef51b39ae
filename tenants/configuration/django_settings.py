"""Django's settings whose defaults all tenants would share: middleware, keys, sessions, caches, files, logs."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from django.conf import global_settings
from django.utils.log import DEFAULT_LOGGING

from tenants.configuration.report import ProjectSettings, inserted
from tenants.isolation.signing import TenantSecretKey

_TENANT = "tenants.http.middleware.TenantMiddleware"
_CSRF = "django.middleware.csrf.CsrfViewMiddleware"
_SIGNED_CSRF = "tenants.http.csrf.SignedCsrfCookieMiddleware"
_LOCALE = "django.middleware.locale.LocaleMiddleware"
_TENANT_LOCALE = "tenants.http.locale.TenantLocaleMiddleware"
_TEMPLATES = "django.template.backends.django.DjangoTemplates"
_CONTEXT_PROCESSOR = "tenants.isolation.context_processors.tenant"
_LOADER = "tenants.variants.templates.Loader"
_KEY_FUNCTION = "tenants.isolation.cache.cache_key"
_STORAGE = {"BACKEND": "tenants.isolation.storage.TenantFileSystemStorage"}
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {**DEFAULT_LOGGING["filters"], "tenant": {"()": "tenants.isolation.logging.TenantLogFilter"}},
    "formatters": {
        **DEFAULT_LOGGING["formatters"],
        "tenant": {"format": "{levelname} [{tenant}] {name}: {message}", "style": "{"},
    },
    "handlers": {
        **{name: DEFAULT_LOGGING["handlers"][name] for name in ("mail_admins", "django.server")},
        "console": {"class": "logging.StreamHandler", "filters": ["tenant"], "formatter": "tenant"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["mail_admins"], "level": "INFO"},
        "django.server": DEFAULT_LOGGING["loggers"]["django.server"],
    },
}
"""Django's own, with one handler for the records of all loggers, which adds the tenant."""


def complete(project: ProjectSettings) -> None:
    """Complete them in the order of Django's documentation."""
    _complete_middleware(project)
    _complete_templates(project)
    _complete_keys(project)
    _complete_cookies(project)
    _complete_caches(project)
    _complete_files(project)
    project.set_default("SESSION_ENGINE", "tenants.isolation.sessions")
    project.set_default("ALLOWED_HOSTS", ["*"])  # TenantMiddleware answers unknown hosts
    if not project.get("LOGGING"):
        project.set("LOGGING", deepcopy(_LOGGING), "each line has the tenant")
    project.set_default("DEFAULT_EXCEPTION_REPORTER", "tenants.http.error_reports.TenantExceptionReporter")


def _complete_middleware(project: ProjectSettings) -> None:
    middleware = list(project.get("MIDDLEWARE", ()))
    added = []
    if _LOCALE in middleware:
        middleware[middleware.index(_LOCALE)] = _TENANT_LOCALE
        added.append(f"{_TENANT_LOCALE} in the place of {_LOCALE}")
    if _CSRF in middleware and _SIGNED_CSRF not in middleware:
        middleware = inserted(middleware, middleware.index(_CSRF), _SIGNED_CSRF)
        added.append(f"{_SIGNED_CSRF} before {_CSRF}")
    if _TENANT not in middleware:
        middleware = [_TENANT, *middleware]
        added.append(f"{_TENANT}, first")
    project.complete("MIDDLEWARE", middleware, f"added {'; '.join(added)}" if added else "")


def _complete_templates(project: ProjectSettings) -> None:
    engines = deepcopy(list(project.get("TEMPLATES", ())))
    added = []
    for engine in engines:
        if engine.get("BACKEND") != _TEMPLATES:
            continue
        options = engine.setdefault("OPTIONS", {})
        processors = options.setdefault("context_processors", [])
        if _CONTEXT_PROCESSOR not in processors:
            options["context_processors"] = [*processors, _CONTEXT_PROCESSOR]
            added.append(_CONTEXT_PROCESSOR)
        if project.get("TENANTS", {}).get("VARIANTS") and engine.get("APP_DIRS") and "loaders" not in options:
            del engine["APP_DIRS"]  # Django takes either
            options["loaders"] = [_LOADER]
            added.append(_LOADER)
    project.complete("TEMPLATES", engines, f"added {', '.join(added)}" if added else "")


def _complete_keys(project: ProjectSettings) -> None:
    key = project.get("SECRET_KEY")
    if isinstance(key, str) and key:
        project.complete("SECRET_KEY", TenantSecretKey(key), "wrapped in TenantSecretKey")
    fallbacks = list(project.get("SECRET_KEY_FALLBACKS", ()))
    if any(isinstance(each, str) for each in fallbacks):
        wrapped = [TenantSecretKey(each) if isinstance(each, str) else each for each in fallbacks]
        project.complete("SECRET_KEY_FALLBACKS", wrapped, "wrapped in TenantSecretKey")


def _complete_cookies(project: ProjectSettings) -> None:
    """With HTTPS, name cookies so that no other host below the same domain can set them."""
    if not str(project.get("TENANTS", {}).get("ORIGIN", "")).startswith("https://"):
        return
    for cookie in ("SESSION", "CSRF", "LANGUAGE"):
        name = f"{cookie}_COOKIE_NAME"
        project.set_default(name, f"__Host-{getattr(global_settings, name)}")
        project.set_default(f"{cookie}_COOKIE_SECURE", True)


def _complete_caches(project: ProjectSettings) -> None:
    if not project.get("CACHES"):
        caches: dict[str, Any] = deepcopy(global_settings.CACHES)
        project.set("CACHES", {alias: {**cache, "KEY_FUNCTION": _KEY_FUNCTION} for alias, cache in caches.items()})
        return
    caches = dict(project.get("CACHES"))
    lacking = [alias for alias, cache in caches.items() if "KEY_FUNCTION" not in cache]
    for alias in lacking:
        caches[alias] = {**caches[alias], "KEY_FUNCTION": _KEY_FUNCTION}
    project.complete("CACHES", caches, f"added KEY_FUNCTION to {', '.join(lacking)}" if lacking else "")
    for alias in sorted(caches.keys() - set(lacking)):
        if caches[alias]["KEY_FUNCTION"] != _KEY_FUNCTION:
            project.leave(f"CACHES[{alias!r}]['KEY_FUNCTION']", f"would be {_KEY_FUNCTION!r}")


def _complete_files(project: ProjectSettings) -> None:
    storages = dict(project.get("STORAGES") or {})
    if not storages:
        project.set("STORAGES", {**deepcopy(global_settings.STORAGES), "default": _STORAGE})
    elif "default" not in storages:
        project.complete("STORAGES", {**storages, "default": _STORAGE}, "added default")
    elif storages["default"].get("BACKEND") != _STORAGE["BACKEND"]:
        project.leave("STORAGES['default']", f"would be {_STORAGE!r}")
    if folder := project.get("BASE_DIR"):
        project.set_default("MEDIA_ROOT", Path(folder) / "media")
    if not project.get("MEDIA_URL"):
        project.set("MEDIA_URL", "/media/")
    for name in ("MEDIA_URL", "STATIC_URL"):
        url = project.get(name)
        if url and not str(url).startswith(("/", "http://", "https://")):
            project.complete(name, f"/{url}", "added the slash at the beginning")

"""Imports of the admin classes, for `django.contrib.admin.autodiscover`. Those of optional apps need the app."""

from importlib import import_module

from django.apps import apps

from tenants.contrib.admin import audit, domains, operations, operators, tenants  # noqa: F401  # each registers itself

for app, module in {"tenants.contrib.api": "api_usage", "tenants.contrib.services": "services"}.items():
    if apps.is_installed(app):
        import_module(f"tenants.contrib.admin.{module}")

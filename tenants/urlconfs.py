"""Importing the URLconfs, and with them views and forms, while no tenant is active.

A queryset in the body of a class is everybody's if it is made while nobody is active (`tenants.belonging`). Django
imports a URLconf when the first URL is looked up, which is in the middle of somebody's request.
"""

from __future__ import annotations

from contextvars import Context
from importlib import import_module

from django.conf import settings

from tenants.conf import tenancy


def import_urlconfs() -> None:
    """Import the platform's URLconf and the tenants'."""
    for urlconf in (settings.ROOT_URLCONF, tenancy().tenant_urlconf):
        if urlconf:
            Context().run(import_module, urlconf)  # in an empty context, whoever is active in this one

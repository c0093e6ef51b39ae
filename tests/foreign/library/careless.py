"""Mistakes, other than settings, that the tests of the kit make."""

from django.apps import AppConfig


class UnscopedSites(AppConfig):
    """Gives all tenants one memory of sites, as Django has it."""

    name = "library"

    def ready(self) -> None:
        from django.contrib.sites import models

        models.SITE_CACHE = {}

"""The kit's fixtures, and caches that are empty before each test."""

import pytest
from django.core.cache import caches

pytest_plugins = ["tenants.testing.plugin"]


@pytest.fixture(autouse=True)
def _empty_caches():
    for cache in caches.all(initialized_only=True):
        cache.clear()

"""A URLconf without any page."""

from __future__ import annotations

from tests.isolation.urls import handler404  # noqa: F401

urlpatterns: list[object] = []

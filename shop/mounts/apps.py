"""Makes the templates and static files of the mounted sites known to Django."""

from __future__ import annotations

from django.apps import AppConfig


class MountsConfig(AppConfig):
    name = "shop.mounts"
    label = "shop_mounts"

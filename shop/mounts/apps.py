"""App configuration, for the templates and static files of mounted sites."""

from __future__ import annotations

from django.apps import AppConfig


class MountsConfig(AppConfig):
    name = "shop.mounts"
    label = "shop_mounts"

"""The project's settings without its engine: what plain Django and the peers build on."""

from __future__ import annotations

import os

from bench.peers import apps
from bench.peers.server import ADDRESS
from config.settings import *  # noqa: F403

del TENANTS  # noqa: F821  # a peer has a setting of that name
del SECRET_KEY, SECRET_KEY_FALLBACKS, SESSION_ENGINE, AUTHENTICATION_BACKENDS  # noqa: F821  # Sangga's own

SECRET_KEY = "for-the-bench-alone"
COMMON_APPS = apps.COMMON_APPS
SHOP_APPS = [*COMMON_APPS, *apps.TENANT_APPS]
INSTALLED_APPS = apps.installed([*SHOP_APPS, *apps.OTHER_APPS])
ROOT_URLCONF = "bench.peers.urls"
MIDDLEWARE = apps.MIDDLEWARE
WSGI_APPLICATION = None  # Django's own: the project's receives bodies and sets the garbage collector
DATABASE_ROUTERS: list[str] = []
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **ADDRESS,
        "CONN_MAX_AGE": None,
    },
}
if os.environ.get("BENCH_POOL"):
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"pool": {"min_size": 0, "max_size": 10, "timeout": 10}},
    }
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
LOGGING = {"version": 1, "disable_existing_loggers": False}
MIGRATION_MODULES = {"goods": "bench_goods_migrations"} if os.environ.get("BENCH_ADDED") else {}

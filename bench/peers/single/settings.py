"""What `startproject` writes, with PostgreSQL, the models of the shop, and an API."""

from __future__ import annotations

import os

from bench.peers.server import ADDRESS

SECRET_KEY = "for-the-bench-alone"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "ninja",
    "shop.goods",
    "shop.customers",
    "shop.orders",
    "shop.variants.customer_a",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "bench.peers.single.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **ADDRESS,
    },
}
if os.environ.get("BENCH_KEPT"):
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:  # as the project has it
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 0, "max_size": 10, "timeout": 10}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
STATIC_URL = "/static/"
MEDIA_URL = "/media/"

"""A third-party project on the engine: no shop, other apps, Django's own admin and site framework."""

import os

import environ

from tenants.isolation.signing import TenantSecretKey

SECRET_KEY = TenantSecretKey("only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz")
ALLOWED_HOSTS = ["*"]
SITE_ID = 1
CARELESS_ADMIN = False

SHARED_APPS = ["tenants", "procrastinate.contrib.django"]
COMMON_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.admin",
    "django.contrib.sites",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
]
TENANT_APPS = ["notes"]
INSTALLED_APPS = [*SHARED_APPS, *COMMON_APPS, *TENANT_APPS, "tenants.contrib.tasks", "django.contrib.messages"]
TENANTS = {
    "ORIGIN": "http://library.example",
    "TENANT_URLCONF": "library.urls_tenant",
    "SHARED_APPS": SHARED_APPS,
    "COMMON_APPS": COMMON_APPS,
    "TENANT_APPS": TENANT_APPS,
    "ISOLATION_PROBES": ["notes.probes.search_index"],
}

MIDDLEWARE = [
    "tenants.http.middleware.TenantMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "library.urls_platform"
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
DATABASES = {"default": {**environ.Env().db_url("DATABASE_URL"), "ENGINE": "tenants.postgresql"}}
for key in ("host", "port"):
    if key in DATABASES["default"].get("OPTIONS", {}):
        DATABASES["default"][key.upper()] = str(DATABASES["default"]["OPTIONS"].pop(key))
DATABASE_ROUTERS = ["tenants.isolation.router.TenantRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_ENGINE = "tenants.isolation.sessions"
USE_TZ = True
LOGGING = {
    "version": 1,
    "filters": {"tenant": {"()": "tenants.isolation.logging.TenantLogFilter"}},
    "formatters": {"line": {"format": "[{tenant}] {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["tenant"], "formatter": "line"}},
    "root": {"handlers": ["console"]},
}
STATIC_URL = "/static/"
MEDIA_ROOT = os.environ["LIBRARY_MEDIA"]

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "tenants.isolation.cache.cache_key",
    },
}
STORAGES = {
    "default": {"BACKEND": "tenants.isolation.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# What the tests of the kit break, one thing at a time.
if broken := os.environ.get("LIBRARY_BROKEN"):
    exec(broken)

"""Settings for Sangga, and the next migration of the shop."""

from project.base import *  # noqa: F403
from project.base import MIDDLEWARE, OF_DJANGO, SECRET_KEY, database
from tenants.isolation.signing import TenantSecretKey

SECRET_KEY = TenantSecretKey(SECRET_KEY)
SHARED_APPS = ["tenants"]
COMMON_APPS = OF_DJANGO
TENANT_APPS = ["shop"]
INSTALLED_APPS = [*SHARED_APPS, *COMMON_APPS, *TENANT_APPS]
TENANTS = {
    "ORIGIN": "http://moving.example",
    "TENANT_URLCONF": "project.urls",
    "SHARED_APPS": SHARED_APPS,
    "COMMON_APPS": COMMON_APPS,
    "TENANT_APPS": TENANT_APPS,
}
DATABASES = {"default": database("tenants.postgresql")}
DATABASE_ROUTERS = ["tenants.isolation.router.TenantRouter"]
SESSION_ENGINE = "tenants.isolation.sessions"
MIDDLEWARE = ["tenants.http.middleware.TenantMiddleware", *MIDDLEWARE]
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
HAS_NOTE = True
MIGRATION_MODULES = {}

"""Settings for django-pgschemas."""

from project.base import *  # noqa: F403
from project.base import MIDDLEWARE, OF_DJANGO, database

TENANTS = {
    "public": {"APPS": ["django_pgschemas", "customers_pg", *OF_DJANGO]},
    "default": {
        "TENANT_MODEL": "customers_pg.Client",
        "DOMAIN_MODEL": "customers_pg.Domain",
        "APPS": ["django.contrib.auth", "django.contrib.sessions", "shop"],
        "URLCONF": "project.urls",
    },
}
INSTALLED_APPS = [*TENANTS["public"]["APPS"], "shop"]
DATABASES = {"default": database("django_pgschemas.postgresql")}
DATABASE_ROUTERS = ["django_pgschemas.routers.TenantAppsRouter"]
MIDDLEWARE = ["django_pgschemas.routing.middleware.HeadersTenantMiddleware", *MIDDLEWARE]
STORAGES = {
    "default": {"BACKEND": "django_pgschemas.contrib.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

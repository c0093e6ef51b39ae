"""Settings for django-tenants."""

from project.base import *  # noqa: F403
from project.base import MIDDLEWARE, OF_DJANGO, database

SHARED_APPS = ["django_tenants", "customers", *OF_DJANGO]
TENANT_APPS = [*OF_DJANGO, "shop"]
INSTALLED_APPS = [*SHARED_APPS, "shop"]
TENANT_MODEL = "customers.Client"
TENANT_DOMAIN_MODEL = "customers.Domain"
DATABASES = {"default": database("django_tenants.postgresql_backend")}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
STORAGES = {
    "default": {"BACKEND": "django_tenants.files.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

"""django-tenants as its documentation sets it up."""

import os

from bench.peers.project import *  # noqa: F403
from bench.peers.project import COMMON_APPS, DATABASES, INSTALLED_APPS, MIDDLEWARE, SHOP_APPS

SHARED_APPS = ["django_tenants", "bench.peers.djangotenants", *COMMON_APPS]
TENANT_APPS = SHOP_APPS
INSTALLED_APPS = [*SHARED_APPS[:2], *INSTALLED_APPS]
TENANT_MODEL = "djangotenants.Client"
TENANT_DOMAIN_MODEL = "djangotenants.Domain"
DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
TENANT_LIMIT_SET_CALLS = bool(os.environ.get("BENCH_LIMIT"))
if os.environ.get("BENCH_CLONE"):
    TENANT_CREATION_FAKES_MIGRATIONS = True
    TENANT_BASE_SCHEMA = "template"

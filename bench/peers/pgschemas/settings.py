"""django-pgschemas as its documentation sets it up."""

import os

from bench.peers.project import *  # noqa: F403
from bench.peers.project import COMMON_APPS, DATABASES, INSTALLED_APPS, MIDDLEWARE, SHOP_APPS

_OWN_APPS = ["django_pgschemas", "bench.peers.pgschemas"]
INSTALLED_APPS = [*_OWN_APPS, *INSTALLED_APPS]
TENANTS = {
    "public": {"APPS": [*_OWN_APPS, *COMMON_APPS]},
    "default": {
        "TENANT_MODEL": "pgschemas.Tenant",
        "DOMAIN_MODEL": "pgschemas.Domain",
        "APPS": SHOP_APPS,
        "URLCONF": "bench.peers.urls",
        **({"CLONE_REFERENCE": "template"} if os.environ.get("BENCH_CLONE") else {}),
    },
}
DATABASES["default"]["ENGINE"] = "django_pgschemas.postgresql"
DATABASE_ROUTERS = ["django_pgschemas.routers.TenantAppsRouter"]
MIDDLEWARE = ["django_pgschemas.routing.middleware.DomainRoutingMiddleware", *MIDDLEWARE]
PGSCHEMAS_LIMIT_SET_CALLS = bool(os.environ.get("BENCH_LIMIT"))

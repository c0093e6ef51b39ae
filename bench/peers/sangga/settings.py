"""The project's own settings, on the bench's server, with the apps that all have.

Its accounts, tokens and variants are left out: the others have nothing in their place.
"""

import os
from itertools import chain

from bench.peers import apps
from bench.peers.server import use_the_benchs_server
from config.settings import *  # noqa: F403
from config.settings import APPS_WITHOUT_TABLES, DATABASES, SHARED_APPS, TENANTS

use_the_benchs_server(DATABASES["default"])
# Apps that have keys in TENANTS; the operator's admin is left out.
_CONTRIB = [app for app in APPS_WITHOUT_TABLES if app.startswith("tenants.contrib.") and not app.endswith(".admin")]
_CONTRIB = [app for app in _CONTRIB if "oauth" not in app]
INSTALLED_APPS = apps.installed([*SHARED_APPS, *apps.COMMON_APPS, *apps.TENANT_APPS, *_CONTRIB, *apps.OTHER_APPS])
_OURS = {
    "django.middleware.locale.LocaleMiddleware": ["tenants.http.locale.TenantLocaleMiddleware"],
    "django.middleware.csrf.CsrfViewMiddleware": [
        "tenants.http.csrf.SignedCsrfCookieMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    "django_otp.middleware.OTPMiddleware": [
        "django_otp.middleware.OTPMiddleware",
        "tenants.contrib.accounts.middleware.SecondFactorMiddleware",
    ],
}
ROOT_URLCONF = "bench.peers.urls"  # the operator's admin is left out as well
MIDDLEWARE = [
    "tenants.http.middleware.TenantMiddleware",
    *chain.from_iterable(_OURS.get(name, [name]) for name in apps.MIDDLEWARE),
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
TENANTS = {
    **TENANTS,
    "ORIGIN": "http://localhost",
    "TENANT_URLCONF": "bench.peers.urls",
    "COMMON_APPS": apps.COMMON_APPS,
    "TENANT_APPS": apps.TENANT_APPS,
    "VARIANTS": "",
    "MOUNTS": {},
    "CLONE_LEAVES_OUT": ["sessions.Session"],
    "STEPS": ["tenants.lifecycle.owner.create_owner", "shop.steps.create_staff_groups"],
}
MIGRATION_MODULES = {"goods": "bench_goods_migrations"} if os.environ.get("BENCH_ADDED") else {}

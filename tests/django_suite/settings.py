"""Settings with which Django's own test suite runs inside one tenant's schema; `scripts/django-suite` uses them.

`SUITE_ENGINE` names the backend: ours, or Django's for the comparison. The template database has the schema `t_1`, and
Django's runner copies it for its test databases.
"""

import os

from tenants.context import TenantInfo, use_tenant
from tenants.isolation.patches import install, table

_ENGINE = os.environ["SUITE_ENGINE"]
_DATABASE = {
    "ENGINE": _ENGINE,
    "NAME": "postgres",
    "HOST": os.environ["SUITE_HOST"],
    "USER": os.environ["SUITE_USER"],
    "PORT": os.environ["SUITE_PORT"],
    "TEST": {"TEMPLATE": "suite_template"},
}
DATABASES = {"default": {**_DATABASE, "TEST": {**_DATABASE["TEST"], "NAME": "suite_default"}}}
DATABASES["other"] = {**_DATABASE, "TEST": {**_DATABASE["TEST"], "NAME": "suite_other"}}
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = False

if _ENGINE == "tenants.postgresql":
    # As the one who owns schema and tables, since the suite makes and drops them all the time. For the whole process:
    # the suite knows of no tenants. Threads that it starts have none.
    use_tenant(TenantInfo(id=1, slug="suite", schema="t_1")).__enter__()
    DATABASE_ROUTERS = ["tests.django_suite.router.SuiteRouter"]
    # What the engine's app does when Django has loaded; the suite installs other apps.
    install((*table.QUERYSETS, *table.MODELS, *table.RELATIONS, *table.REQUEST_STATE))

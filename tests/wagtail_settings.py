"""The project with Wagtail's apps as tenant apps: third-party code with a long history of migrations."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, TENANTS

WAGTAIL = [
    "wagtail.contrib.forms",
    "wagtail.contrib.redirects",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
]
INSTALLED_APPS = [*INSTALLED_APPS, *WAGTAIL]
TENANTS = {**TENANTS, "TENANT_APPS": [*TENANTS["TENANT_APPS"], *WAGTAIL]}
WAGTAIL_SITE_NAME = "Wagtail in a shop"
WAGTAILADMIN_BASE_URL = "http://localhost"

"""The magazine with Wagtail, which has many migrations and tables."""

from magazine.settings import *  # noqa: F403
from magazine.settings import APPS_WITHOUT_TABLES, COMMON_APPS, SHARED_APPS, TENANT_APPS, TENANTS

TENANT_APPS = [
    *TENANT_APPS,
    "wagtail.admin",
    "wagtail.contrib.forms",
    "wagtail.contrib.redirects",
    "wagtail.documents",
    "wagtail.embeds",
    "wagtail.images",
    "wagtail.search",
    "wagtail.users",
    "wagtail",
]
INSTALLED_APPS = [
    *SHARED_APPS, *COMMON_APPS, *APPS_WITHOUT_TABLES, "modelcluster", "wagtail.sites",
    "wagtail.snippets", *TENANT_APPS,
]  # fmt: skip
TENANTS = {**TENANTS, "TENANT_URLCONF": "magazine.urls_sites", "TENANT_APPS": TENANT_APPS}
WAGTAIL_SITE_NAME = "Magazine"
WAGTAILADMIN_BASE_URL = "http://magazine.example"

"""The magazine with django CMS, whose migrations run Python code between changes of tables."""

from pathlib import Path

from magazine.settings import *  # noqa: F403
from magazine.settings import APPS_WITHOUT_TABLES, COMMON_APPS, SHARED_APPS, TEMPLATES, TENANT_APPS, TENANTS

TENANT_APPS = [*TENANT_APPS, "cms"]
INSTALLED_APPS = [*SHARED_APPS, *COMMON_APPS, *APPS_WITHOUT_TABLES, "menus", "sekizai", *TENANT_APPS]
TENANTS = {**TENANTS, "TENANT_APPS": TENANT_APPS}
TEMPLATES = [{**TEMPLATES[0], "DIRS": [Path(__file__).parent / "templates_cms"]}]
CMS_CONFIRM_VERSION4 = True
CMS_TEMPLATES = [("page.html", "Page")]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
SITE_ID = 1

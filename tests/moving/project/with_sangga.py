"""Settings for Sangga, and the next migration of the shop."""

import os

import tenants
from project.base import *  # noqa: F403
from project.base import OF_DJANGO

INSTALLED_APPS = [*OF_DJANGO]
HAS_NOTE = True
MIGRATION_MODULES = {}
tenants.configure(
    globals(),
    tenant=["shop"],
    tenant_urlconf="project.urls",
    database_url=os.environ["DATABASE_URL"],
    origin="http://moving.example",
)

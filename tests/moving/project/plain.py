"""Settings of a project with one shop, all of it in schema `public`."""

from project.base import *  # noqa: F403
from project.base import OF_DJANGO, database

INSTALLED_APPS = [*OF_DJANGO, "shop"]
DATABASES = {"default": database("django.db.backends.postgresql")}

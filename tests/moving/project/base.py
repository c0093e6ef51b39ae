"""What the project has with each of the libraries."""

import os
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

SECRET_KEY = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = Path(os.environ["MOVING_MEDIA"])
LOGIN_REDIRECT_URL = "/"
ROOT_URLCONF = "project.urls"
OF_DJANGO = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def database(engine: str) -> dict:
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    given = conninfo_to_dict(os.environ["DATABASE_URL"])
    return {"ENGINE": engine, **{name: given[key] for key, name in names.items() if key in given}}


HAS_NOTE = False
"""The newest migration of the app `shop`: the column `note`."""
MIGRATION_MODULES = {"shop": "shop.old_migrations"}

"""The project's settings, with values for tests instead of an environment."""

import os
import tempfile
from pathlib import Path

# Tests ask by many threads at once.
os.environ.setdefault("SANGGA_POOL_SIZE", "40")
os.environ.setdefault("SECRET_KEY", "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz")

from django import VERSION

from config.settings import *  # noqa: F403

# Tests make hundreds of users; the real hasher is slow by design.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if VERSION < (6, 1):
    EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
else:
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
# A server that a test starts shows the files of that test.
MEDIA_ROOT = Path(os.environ.get("SANGGA_MEDIA_ROOT") or tempfile.mkdtemp(prefix="sangga-test-media-"))

_REMEMBERING = {"whitenoise.middleware.WhiteNoiseMiddleware": "tests.static_files.RememberingWhiteNoise"}
MIDDLEWARE = [_REMEMBERING.get(name, name) for name in MIDDLEWARE]  # noqa: F405

INSTALLED_APPS = [*INSTALLED_APPS, "tests.ledger"]  # noqa: F405
TENANTS = {
    **TENANTS,  # noqa: F405
    "TENANT_APPS": [*TENANTS["TENANT_APPS"], "tests.ledger"],  # noqa: F405
    # Their threads would look for rows that a test is about to roll back.
    "SERVICE_REPORT_SECONDS": 0,
    "API_USAGE_SECONDS": 0,
}

"""The WSGI entry point."""

import os

from tenants.contrib.limits.wsgi import get_wsgi_application
from tenants.http.gc import freeze_gc

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
freeze_gc()

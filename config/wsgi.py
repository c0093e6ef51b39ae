"""The WSGI entry point."""

import os

from tenants.contrib.limits.wsgi import get_wsgi_application
from tenants.http.gc import spare_the_collector

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
spare_the_collector()

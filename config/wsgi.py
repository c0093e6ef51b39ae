"""The WSGI entry point."""

import os

from tenants.startup import spare_the_collector
from tenants.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
spare_the_collector()

"""The ASGI entry point."""

import os

from tenants.asgi import get_asgi_application
from tenants.startup import spare_the_collector

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
spare_the_collector()

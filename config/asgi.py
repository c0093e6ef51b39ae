"""The ASGI entry point."""

import os

from tenants.contrib.limits.asgi import get_asgi_application
from tenants.contrib.mounts.websocket_mounts import WebSocketMounts
from tenants.http.gc import freeze_gc

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = WebSocketMounts(get_asgi_application())
freeze_gc()

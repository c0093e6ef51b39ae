"""ASGI application with consumers of Channels beside Django."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magazine.settings")
django_application = get_asgi_application()

from articles.consumers import Endless, Room, Stream
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path

from tenants.contrib.channels.middleware import TenantMiddleware

application = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [
                path("stream/", TenantMiddleware(Stream.as_asgi())),
                path("endless/", TenantMiddleware(Endless.as_asgi())),
                re_path("", django_application),
            ]
        ),
        "websocket": TenantMiddleware(AuthMiddlewareStack(URLRouter([path("room/", Room.as_asgi())]))),
    }
)

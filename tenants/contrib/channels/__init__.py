"""Tenants for Django Channels: a middleware that finds the tenant of a connection, and channel layers by tenant.

::

    application = ProtocolTypeRouter({
        "http": get_asgi_application(),
        "websocket": TenantMiddleware(AuthMiddlewareStack(URLRouter(...))),
    })

    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "tenants.contrib.channels.layers.TenantChannelLayer",
            "CONFIG": {"backend": "channels_redis.core.RedisChannelLayer", "hosts": [...]},
        },
    }

It is not an app: it needs no line in INSTALLED_APPS. Channels itself is imported by the project alone.
"""

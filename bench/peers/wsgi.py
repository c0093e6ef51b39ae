"""WSGI application that granian serves in `bench.api`: the one of DJANGO_SETTINGS_MODULE, by its entry point if any."""

from django.core.servers.basehttp import get_internal_wsgi_application

application = get_internal_wsgi_application()

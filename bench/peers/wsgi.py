"""What granian serves in `bench.api`: whoever DJANGO_SETTINGS_MODULE names, by its own entry point if it has one."""

from django.core.servers.basehttp import get_internal_wsgi_application

application = get_internal_wsgi_application()

from django.conf import settings
from django.contrib import admin

from notes.models import Note
from tenants.models import Tenant

admin.site.register(Note)
if settings.CARELESS_ADMIN:
    admin.site.register(Tenant)

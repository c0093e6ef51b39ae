from django.conf import settings
from django.contrib.admin import AdminSite

from notes.models import Note
from tenants.models import Tenant

# A site of the tenants' own: other apps register what they like with Django's.
notes_site = AdminSite(name="admin")
notes_site.register(Note)
if settings.CARELESS_ADMIN:
    notes_site.register(Tenant)

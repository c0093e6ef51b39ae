from django.conf import settings
from django.contrib.admin import AdminSite, ModelAdmin

from notes.models import Note
from tenants.models import Tenant

# A site of the tenants' own: other apps register what they like with Django's.
notes_site = AdminSite(name="admin")
notes_site.register(Note)
if settings.CARELESS_ADMIN:

    class Unguarded(ModelAdmin):
        @property
        def urls(self):
            return self.get_urls()

    notes_site.register(Tenant, Unguarded)

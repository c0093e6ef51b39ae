from django.contrib import admin

from signed.models import Signature

admin.site.register(Signature)

from django.contrib.admin import AdminSite
from django.urls import path

from tenants.models import Tenant

operators = AdminSite(name="operators")
operators.register(Tenant)

urlpatterns = [path("admin/", operators.urls)]

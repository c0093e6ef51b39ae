from django.conf import settings
from django.contrib import admin
from django.urls import path

if settings.CONTRIB_ADMIN:
    from tenants.contrib.accounts.set_password import SetPassword, set_password_done
    from tenants.contrib.admin.site import platform_site

    admin.autodiscover()
    urlpatterns = [
        path("admin/", platform_site.urls),
        path("account/<uidb64>/<token>/", SetPassword.as_view(), name="set_password"),
        path("account/done/", set_password_done, name="set_password_done"),
    ]
else:
    urlpatterns = [path("admin/", admin.site.urls)]

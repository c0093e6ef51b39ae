"""URLs of the platform's host."""

from django.conf import settings
from django.urls import include, path
from django.views.generic import TemplateView

from tenants.contrib.accounts.set_password import SetPassword, set_password_done
from tenants.contrib.admin.site import platform_site

urlpatterns = []
if settings.SERVICE != "auth":  # which serves tokens only
    urlpatterns += [
        path("", TemplateView.as_view(template_name="tenants/platform_home.html"), name="home"),
        path("admin/", platform_site.urls),
        path("account/set-password/<uidb64>/<token>/", SetPassword.as_view(), name="set_password"),
        path("account/set-password/done/", set_password_done, name="set_password_done"),
        path("i18n/", include("django.conf.urls.i18n")),
    ]

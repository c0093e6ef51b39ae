"""A tenant's host: storefront, the shop's own admin, its API and its files."""

from django.urls import include, path

from shop.admin_site import shop_site
from shop.api.v1 import api as api_v1
from tenants.views import SetPassword, media, set_password_done

urlpatterns = [
    path("admin/", shop_site.urls),
    path("api/v1/", api_v1.urls),
    path("account/set-password/<uidb64>/<token>/", SetPassword.as_view(), name="set_password"),
    path("account/set-password/done/", set_password_done, name="set_password_done"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("media/<path:name>", media, name="media"),
    path("", include("shop.storefront.urls")),
]

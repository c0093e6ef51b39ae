"""URLs of a tenant's host: storefront, admin, API and media files."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from shop.admin_site import site_for
from shop.api import api_for
from tenants.contrib.accounts.set_password import SetPassword, set_password_done
from tenants.contrib.api.versions import dispatch_to_version, list_versions
from tenants.contrib.impersonation import views as operator_views
from tenants.contrib.limits.media import media


def urlpatterns_of(variant: str) -> list[URLPattern | URLResolver]:
    """Return the URLs for tenants of `variant`. The paths are the same for all variants; the views may differ."""
    if settings.SERVICE == "auth":  # tokens only
        return [path("", include("tenants.contrib.oauth.urls"))]
    return [
        path("admin/", site_for(variant).urls),
        path("api/v1/", api_for(variant, "v1").urls),
        path("api/v2/", api_for(variant, "v2").urls),
        path("", include("tenants.contrib.oauth.urls")),
        path("api/", list_versions, name="api_versions"),
        path("api/<path:rest>", dispatch_to_version),
        path("account/set-password/<uidb64>/<token>/", SetPassword.as_view(), name="set_password"),
        path("account/set-password/done/", set_password_done, name="set_password_done"),
        path("operator/enter/<token>/", operator_views.log_in, name="operator_enter"),
        path("operator/leave/", operator_views.log_out, name="operator_leave"),
        path("i18n/", include("django.conf.urls.i18n")),
        path("media/<path:name>", media, name="media"),
        path("", include("shop.storefront.urls")),
    ]


urlpatterns = urlpatterns_of("default")

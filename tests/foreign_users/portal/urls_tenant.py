from board import views
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register("posts", views.PostViewSet)

urlpatterns = [
    path("", views.posts),
    path("me/", views.me),
    path("api/", include(router.urls)),
    path("admin/", admin.site.urls),
    path("accounts/", include("django.contrib.auth.urls")),
]
if settings.USERS_IN == "both":
    from tenants.contrib.impersonation.views import log_in, log_out

    urlpatterns += [
        path("enter/<token>/", log_in, name="operator_enter"),
        path("leave/", log_out, name="operator_leave"),
    ]

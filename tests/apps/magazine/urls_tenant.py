from articles import views
from articles.api import router
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", views.front_page),
    path("failing/", views.failing),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    path("silk/", include("silk.urls", namespace="silk")),
    path("__debug__/", include("debug_toolbar.urls")),
]

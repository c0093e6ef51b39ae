from django.contrib import admin
from django.urls import path
from notes import views

urlpatterns = [
    path("", views.welcome),
    path("notes/", views.notes),
    path("admin/", admin.site.urls),
]

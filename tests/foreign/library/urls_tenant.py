from django.urls import path
from notes import views
from notes.admin import notes_site

urlpatterns = [
    path("", views.welcome),
    path("notes/", views.notes),
    path("admin/", notes_site.urls),
]

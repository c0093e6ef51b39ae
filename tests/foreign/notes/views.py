from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse

from notes.models import Note
from tenants import current_tenant


def welcome(request: HttpRequest) -> HttpResponse:
    greeting = cache.get_or_set("greeting", lambda: f"Welcome to {current_tenant().name}")
    return HttpResponse(greeting)


def notes(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"notes": [note.text for note in Note.objects.order_by("pk")]})

"""A login, and a page that says what the tenant has."""

from django.contrib.auth import authenticate, login
from django.http import HttpResponse, JsonResponse
from django.urls import path

from shop.models import Goods


def front(request):
    goods = list(Goods.objects.order_by("pk").values_list("name", flat=True))
    return JsonResponse({"user": request.user.get_username(), "goods": goods})


def sign_in(request):
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return HttpResponse(status=403)
    login(request, user)
    return HttpResponse(status=204)


urlpatterns = [path("", front), path("login/", sign_in)]

from constance import config
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from easy_thumbnails.files import get_thumbnailer
from waffle import flag_is_active, switch_is_active

from articles.models import Article


def front_page(request: HttpRequest) -> HttpResponse:
    articles = Article.objects.order_by("pk")
    return render(
        request,
        "articles/front_page.html",
        {
            "articles": articles,
            "headline": config.HEADLINE,
            "is_new": flag_is_active(request, "new"),
            "is_open": switch_is_active("open"),
            "thumbnails": [get_thumbnailer(each.picture)["small"].url for each in articles if each.picture],
        },
    )


def failing(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError(Article.objects.count())

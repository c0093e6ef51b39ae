"""All shipped servers give the same answer: granian as WSGI, as ASGI, and WSGI behind the gateway."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connections
from django.test import Client

from shop.goods.models import Category, Goods, Sku
from tenants import TenantInfo, use_tenant
from tenants.contrib.oauth.api_keys import create_api_key
from tests.isolation.servers import served
from tests.served.chosen import CHOSEN
from tests.served.exchange import Answer, Request, exchange
from tests.tenants.contrib.gateway.conftest import opened_front

_BEHIND = {"SERVICE": "shop", "SANGGA_METRICS_TOKEN": ""}
_BUILT_IN = ("served-wsgi", "served-asgi", "served-gate")
"""Of one length, as their slugs stand in the answers."""


@dataclass
class Visitor:
    """The owner of a shop, who asks one server with a browser and with a program."""

    port: int
    shop: TenantInfo
    session: str
    key: str
    csrf: str = ""

    def ask(self, request: Request) -> Answer:
        headers = []
        if request.sign_in:
            headers += [("Cookie", f"sessionid={self.session}; csrftoken={self.csrf}"), ("X-CSRFToken", self.csrf)]
        if request.bearer:
            headers.append(("Authorization", f"Bearer {self.key}"))
        if request.if_match:
            path = request.path.removesuffix("/stock")
            headers.append(("If-Match", self.etag_of(path)))
        return exchange(self.port, self.shop.host, request, headers)

    def etag_of(self, path: str) -> str:
        given = self.ask(Request(name="the present state", path=path, bearer=True))
        return next(value for name, value in given.headers if name.lower() == "etag")

    def sign_in(self) -> None:
        """Take the CSRF token that a browser would be given."""
        given = self.ask(Request(name="a form", path="/admin/goods/category/add/", sign_in=True))
        found = [
            re.search(r"csrftoken=([^;]+)", value) for name, value in given.headers if name.lower() == "set-cookie"
        ]
        self.csrf = next(match[1] for match in found if match)


def stock(shop: TenantInfo) -> tuple[str, str]:
    """Put the same things into a shop; return the owner's session and API key."""
    client = Client(HTTP_HOST=shop.host)
    with use_tenant(shop):
        owner = User.objects.create_superuser("owner", "owner@shop.example")
        goods = Goods.objects.create(name="Mug", slug="mug", category=Category.objects.create(name="Mugs", slug="mugs"))
        Sku.objects.create(goods=goods, price=Decimal(10), stock=99)
        default_storage.save("goods/mug.png", ContentFile(b"\x89PNG"))
        client.force_login(owner)
        scopes = ["goods:read", "goods:write", "orders:read", "customers:read"]
        return client.cookies["sessionid"].value, create_api_key(owner, "a program", scopes).shown_once


@contextmanager
def behind_the_gateway(**environment: str) -> Iterator[int]:
    with served("WSGI", **_BEHIND, **environment) as port, opened_front() as front:
        front.register([f"http://127.0.0.1:{port}"], name="shop", runs_sangga=True, at_platform=True)
        yield front.port


@pytest.mark.timeout(600)
def test_chosen_requests_get_the_same_answer_from_every_shipped_server(
    open_shop: Callable[..., TenantInfo], settings: Any
) -> None:
    """Fault 37, and other differences in how servers handle bodies."""
    shops = [open_shop(slug) for slug in _BUILT_IN]
    logins = [stock(shop) for shop in shops]
    same = {"SANGGA_MEDIA_ROOT": str(settings.MEDIA_ROOT), "PYTHONHASHSEED": "0"}
    with served("WSGI", **same) as wsgi, served("ASGI", **same) as asgi, behind_the_gateway(**same) as gateway:
        visitors = [
            Visitor(port, shop, *login) for port, shop, login in zip((wsgi, asgi, gateway), shops, logins, strict=True)
        ]
        for visitor in visitors:
            visitor.sign_in()
        different = [line for request in CHOSEN for line in differences(request, visitors)]
    connections.close_all()
    assert not different, "\n".join(different)


def differences(request: Request, visitors: list[Visitor]) -> list[str]:
    """Return what is not as it should be, a line each."""
    answers = [visitor.ask(request) for visitor in visitors]
    if request.many_answers:
        # A client that hangs up early may be told nothing, or what the server itself says then.
        return [
            f"{request.name}: {each.status} {each.body[:300]!r}"
            for each in answers
            if each.status not in {0, request.status} and each.body != b"Internal server error"
        ]
    lines = [
        f"{request.name}: {each.status}, not {request.status}: {each.body[:300]!r}"
        for each in answers
        if each.status != request.status
    ]
    first, *others = [answer.comparable(visitor.shop.slug) for answer, visitor in zip(answers, visitors, strict=True)]
    for visitor, other in zip(visitors[1:], others, strict=True):
        for part, expected, found in zip(("status", "headers", "body"), first, other, strict=True):
            if expected != found:
                lines.append(f"{request.name}: {part} at {visitor.shop.slug}: {first_difference(expected, found)}")
    return lines


def first_difference(expected: Any, found: Any) -> str:
    """Say where two texts, or two lists of headers, part."""
    if isinstance(expected, list):
        return f"{set(found) - set(expected)} and not {set(expected) - set(found)}"
    expected, found = str(expected), str(found)
    place = next((n for n, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), -1)
    return f"…{found[max(0, place - 40) : place + 120]!r} is not …{expected[max(0, place - 40) : place + 120]!r}"

"""A client of version 1, recorded on the day of its release, keeps working with later versions.

`tests/data/client_v1.json` has what it sends, and of each answer the status and the shape: which keys there are and of
which type. Answers may have more by now; nothing that is in the file may go, or be of another type. An entry without
`status` is recorded when `RECORD=1 pytest tests/shop/api/test_recorded_client.py` runs; those that have one stay.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tenants import TenantInfo, use_tenant
from tests.shop.api.conftest import Caller
from tests.shop.api.test_documents import PATHS

FILE = Path(__file__).parents[2] / "data" / "client_v1.json"
ClientOf = Callable[[TenantInfo], Client]


def shape_of(answer: Any) -> Any:
    """Return which keys an answer has, and of which type what they hold is: of lists that of the first entry."""
    if isinstance(answer, dict):
        return {key: shape_of(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [shape_of(entry) for entry in answer[:1]]
    return type(answer).__name__


def missing_in(answer: Any, shape: Any, place: str = "") -> Iterator[str]:
    """Give what the recorded shape has and the answer has not."""
    if isinstance(shape, dict):
        if not isinstance(answer, dict):
            yield f"{place} is no object"
            return
        for key, inner in shape.items():
            if key not in answer:
                yield f"{place}/{key} is gone"
            else:
                yield from missing_in(answer[key], inner, f"{place}/{key}")
    elif isinstance(shape, list):
        if not isinstance(answer, list) or len(answer) < len(shape):
            yield f"{place} is no list with something in it"
        elif shape:
            yield from missing_in(answer[0], shape[0], f"{place}/0")
    elif shape != "NoneType" and type(answer).__name__ != shape:  # null then may be something now
        yield f"{place} is {type(answer).__name__} and was {shape}"


class Session:
    """The client: it keeps what it was told, and puts it into what it sends later, where `{name}` stands."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self._callers = callers
        self._kept: dict[str, str] = {}

    def send(self, exchange: dict[str, Any]) -> Any:
        headers = {name.replace("-", "_"): self._filled(text) for name, text in exchange.get("headers", {}).items()}
        body = exchange.get("body")
        if not isinstance(body, (str, type(None))):
            body = json.loads(self._filled(json.dumps(body)))
        caller, method = self._callers[exchange["who"]], exchange["method"].lower()
        kind = exchange.get("kind", "application/json")
        answer = caller.send(method, self._filled(exchange["path"]), body, kind, **headers)
        for name, place in exchange.get("keep", {}).items():
            found = answer.headers[place] if place == "ETag" else self._at(answer.json(), place)
            self._kept[name] = str(found)
        return answer

    def _filled(self, text: str) -> str:
        for name, value in self._kept.items():
            text = text.replace(f'"{{{name}}}"', value).replace(f"{{{name}}}", value)
        return text

    def _at(self, answer: Any, place: str) -> Any:
        for part in place.split("/"):
            answer = answer[int(part) if part.isdecimal() else part]
        return answer


@pytest.fixture
def session(acme: TenantInfo, client_of: ClientOf) -> Session:
    owner = client_of(acme)
    with use_tenant(acme):
        owner.force_login(User.objects.get(username="owner@acme.example"))
    return Session({"owner": Caller(owner, "v1"), "stranger": Caller(client_of(acme), "v1")})


def test_a_client_of_version_1_that_was_recorded_works_as_on_the_first_day(session: Session) -> None:
    exchanges = json.loads(FILE.read_text())
    for exchange in exchanges:
        answer = session.send(exchange)
        told = answer.json() if answer.content else None
        if "status" not in exchange and os.environ.get("RECORD"):
            exchange |= {"status": answer.status_code, "shape": shape_of(told)}
        what = f"{exchange['method']} {exchange['path']}: {answer.content!r}"
        assert answer.status_code == exchange["status"], what
        assert list(missing_in(told, exchange["shape"])) == [], what
    if os.environ.get("RECORD"):
        told_again = ",\n".join(json.dumps(exchange, ensure_ascii=False) for exchange in exchanges)
        FILE.write_text(f"[\n{told_again}\n]\n")


def test_what_was_recorded_covers_every_operation() -> None:
    sent = {(one["method"].lower(), _place(one["path"].partition("?")[0])) for one in json.loads(FILE.read_text())}
    of_a_version = {path: methods for path, methods in PATHS.items() if not path.startswith("/api/")}
    assert {(method, _place(path)) for path, methods in of_a_version.items() for method in methods} <= sent


def _place(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"id": 1, "price": "5.00", "more": 1}, []),
        ({"id": 1}, ["/price is gone"]),
        ({"id": "1", "price": "5.00"}, ["/id is str and was int"]),
        ({"id": 1, "price": {"amount": "5.00"}}, ["/price is dict and was str"]),
        ([], [" is no object"]),
    ],
)
def test_a_broken_promise_is_seen(answer: Any, told: list[str]) -> None:
    assert list(missing_in(answer, {"id": "int", "price": "str"})) == told

"""What the shop's own errors are in answers of the API."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI

from shop.goods.errors import ImportRefused
from shop.orders.errors import OrderRefused
from tenants.contrib.api.errors import APIError, ErrorDetail

_TAKEN = frozenset(["unique", "unique_together"])
"""Codes of Django's for what is there already."""


def add_error_handlers(api: NinjaAPI) -> None:
    """Have the shop's errors, wherever an operation raises one, answered in the API's own way."""
    for error, turn in {
        OrderRefused: _of_order,
        ImportRefused: _of_import,
        ValidationError: _of_fields,
        ProtectedError: _of_deletion,
        IntegrityError: _of_rows,
        DataError: _of_values,
        UnreadablePostError: _of_body,
    }.items():
        api.add_exception_handler(error, partial(_answer, api, turn))


def _answer(api: NinjaAPI, turn: Any, request: HttpRequest, error: Exception) -> HttpResponse:
    return api.on_exception(request, turn(error))


def _of_order(error: OrderRefused) -> APIError:
    return APIError(409, str(error), kind=re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower())


def _of_import(error: ImportRefused) -> APIError:
    errors = [
        ErrorDetail(("body", problem.column) if problem.column else ("body",), problem.reason, "record", problem.line)
        for problem in error.problems
    ]
    return APIError(422, str(error.problems[0]), kind="import-refused", errors=errors)


def _of_fields(error: ValidationError) -> APIError:
    return validation_api_error(error, ())


def validation_api_error(error: ValidationError, place: tuple[str | int, ...]) -> APIError:
    """Return what a model's own validation found, in the object that stands at `place` of the body.

    409 if nothing is wrong with it but that there is one like it, else 422.
    """
    by_field = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    errors = [
        ErrorDetail(("body", *place, *([] if field == "__all__" else [field])), message, one.code or "invalid")
        for field, found in by_field.items()
        for one in found
        for message in one.messages
    ]
    detail = "; ".join(f"{error.loc[-1]}: {error.msg}" for error in errors)
    if {error.type for error in errors} <= _TAKEN:
        return APIError(409, detail, kind="conflict", errors=errors)
    return APIError(422, detail, errors=errors)


def _of_deletion(error: ProtectedError) -> APIError:
    kinds = sorted({str(row._meta.verbose_name_plural) for row in error.protected_objects})
    return APIError(409, f"It is in use by {', '.join(kinds)} and stays.", kind="in-use")


def _of_rows(error: IntegrityError) -> APIError:
    """Return what a constraint of the database refused: somebody was quicker, or two records are alike."""
    found = getattr(error.__cause__, "diag", None)
    detail = (found and found.message_detail) or "Another one is like it."
    return APIError(409, f"It cannot be kept beside what there is. {detail}", kind="conflict")


def _of_values(error: DataError) -> APIError:
    """Return what PostgreSQL says of a value that no column of its kind holds: a NUL in a text, too large a number."""
    return APIError(422, f"The database does not take it: {str(error).splitlines()[0]}", kind="unfit")


def _of_body(error: UnreadablePostError) -> APIError:
    return APIError(400, "The body of the request did not arrive whole.")

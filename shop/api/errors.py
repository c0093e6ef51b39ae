"""Responses of the API to errors of the shop, of its models and of the database."""

from __future__ import annotations

import re
from collections.abc import Callable
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

_CONFLICTS = frozenset(["unique", "unique_together"])


def add_error_handlers(api: NinjaAPI) -> None:
    """Let the API respond to these errors, wherever an operation raises one."""
    converters: dict[type[Exception], Callable[[Any], APIError]] = {
        OrderRefused: _from_order,
        ImportRefused: _from_import,
        ValidationError: partial(validation_api_error, location=()),
        ProtectedError: _from_protected,
        IntegrityError: _from_integrity,
        DataError: _from_data,
        UnreadablePostError: lambda _: APIError(400, "The request body is incomplete."),
    }
    for error, convert in converters.items():
        api.add_exception_handler(error, partial(_respond, api, convert))


def _respond(api: NinjaAPI, convert: Callable[[Any], APIError], request: HttpRequest, error: Exception) -> HttpResponse:
    return api.on_exception(request, convert(error))


def _from_order(error: OrderRefused) -> APIError:
    return APIError(409, str(error), kind=re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower())


def _from_import(error: ImportRefused) -> APIError:
    errors = [
        ErrorDetail(("body", problem.column) if problem.column else ("body",), problem.reason, "record", problem.line)
        for problem in error.problems
    ]
    return APIError(422, str(error.problems[0]), kind="import-refused", errors=errors)


def validation_api_error(error: ValidationError, location: tuple[str | int, ...]) -> APIError:
    """Return the errors of a model's validation, for the object at `location` of the body.

    The status is 409 if all of them are about uniqueness, else 422.
    """
    by_field = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    errors = [
        ErrorDetail(("body", *location, *([] if field == "__all__" else [field])), message, one.code or "invalid")
        for field, found in by_field.items()
        for one in found
        for message in one.messages
    ]
    detail = "; ".join(f"{one.loc[-1]}: {one.msg}" for one in errors)
    if {one.type for one in errors} <= _CONFLICTS:
        return APIError(409, detail, kind="conflict", errors=errors)
    return APIError(422, detail, errors=errors)


def _from_protected(error: ProtectedError) -> APIError:
    kinds = sorted({str(row._meta.verbose_name_plural) for row in error.protected_objects})
    return APIError(409, f"Not deleted: still used by {', '.join(kinds)}.", kind="in-use")


def _from_integrity(error: IntegrityError) -> APIError:
    found = getattr(error.__cause__, "diag", None)
    detail = (found and found.message_detail) or "A record like it exists."
    return APIError(409, f"Not saved: conflict with another record. {detail}", kind="conflict")


def _from_data(error: DataError) -> APIError:
    # A value that no column of its type holds: a NUL in a text, too large a number.
    return APIError(422, f"Not saved: {str(error).splitlines()[0]}", kind="unfit")

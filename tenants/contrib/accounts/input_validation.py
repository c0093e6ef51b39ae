"""Addresses and forms of an admin that make no sense are 400: Django's own pages ask the database with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

AdminView = Callable[..., HttpResponseBase]

_ADDRESS = "The address of this page has a value in it that makes no sense."
_NO_KEY = "expected a number but got"
"""What Django's fields say of a key that is none."""
_FORM = "The form has a value in it that the database cannot hold."


def refuses_odd_input(view: AdminView) -> AdminView:
    """Return the view with an answer to a NUL, a year without end, or a key that is none."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _check_selection(request, view)
        try:
            response = view(request, *args, **kwargs)
            if (request.GET or request.method == "POST") and isinstance(response, SimpleTemplateResponse):
                response.render()  # filters, and what a form was given, are read when the page is rendered
            return response
        except DataError as error:
            raise BadRequest(_ADDRESS if request.method in {"GET", "HEAD"} else _FORM) from error
        except (ValueError, OverflowError) as error:
            if request.method in {"GET", "HEAD"} and request.GET:
                raise BadRequest(_ADDRESS) from error
            if request.method == "POST" and _NO_KEY in str(error):
                raise BadRequest(_FORM) from error
            raise

    return guarded


def _check_selection(request: HttpRequest, view: AdminView) -> None:
    """Refuse an action on records whose keys are none."""
    selected = request.POST.getlist("_selected_action") if request.method == "POST" else []
    model = getattr(getattr(view, "__self__", None), "model", None)  # a ModelAdmin's own view
    if not selected or model is None:
        return
    for key in selected:
        try:
            model._meta.pk.run_validators(model._meta.pk.to_python(key))
        except (ValidationError, ValueError) as error:
            raise BadRequest("A record is chosen by a key that is none.") from error

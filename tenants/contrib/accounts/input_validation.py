"""Answer 400 to invalid values in addresses and forms of an admin, which Django passes on to the database."""

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

_ADDRESS = "The address contains an invalid value."
_FORM = "The form contains a value that the database cannot store."
# In the `ValueError` of Django's fields for an invalid key.
_INVALID_KEY = "expected a number but got"


def refuses_odd_input(view: AdminView) -> AdminView:
    """Decorate a view to answer 400 to a NUL, a year out of range or an invalid key."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _check_selection(request, view)
        try:
            response = view(request, *args, **kwargs)
            if (request.GET or request.method == "POST") and isinstance(response, SimpleTemplateResponse):
                response.render()  # filters and forms are evaluated when the page is rendered
            return response
        except DataError as error:
            raise BadRequest(_ADDRESS if request.method in {"GET", "HEAD"} else _FORM) from error
        except (ValueError, OverflowError) as error:
            if request.method in {"GET", "HEAD"} and request.GET:
                raise BadRequest(_ADDRESS) from error
            if request.method == "POST" and _INVALID_KEY in str(error):
                raise BadRequest(_FORM) from error
            raise

    return guarded


def _check_selection(request: HttpRequest, view: AdminView) -> None:
    selected = request.POST.getlist("_selected_action") if request.method == "POST" else []
    model = getattr(getattr(view, "__self__", None), "model", None)  # a ModelAdmin's own view
    if not selected or model is None:
        return
    for key in selected:
        try:
            model._meta.pk.run_validators(model._meta.pk.to_python(key))
        except (ValidationError, ValueError) as error:
            raise BadRequest("The key of a selected record is invalid.") from error

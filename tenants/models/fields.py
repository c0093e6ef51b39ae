"""A field for host names."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext

from tenants.errors import InvalidHost
from tenants.hosts import normalize_host


class HostField(models.CharField):  # type: ignore[type-arg]  # not generic when the program runs
    """A host name, kept in its one spelling."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 253)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        host = super().to_python(value)
        if not host:
            return host
        try:
            return normalize_host(host)
        except InvalidHost as error:
            text = gettext("%(host)r is not a host name: %(reason)s")
            told = {"host": error.host[:80], "reason": gettext(error.reason)}
            raise ValidationError(text % told, code="invalid_host") from error

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return normalize_host(value) if value else value

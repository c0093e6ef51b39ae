"""The operations on one row, whichever model it is of: shown, made, changed and deleted, each with its ETag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from ninja import Schema, Status

from shop.api.services.write import get_or_404, save_clean
from tenants.contrib.api.etags import check_if_match, with_etag


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Rows of one model that clients may change. Its methods are the bodies of operations."""

    model: type[models.Model]
    name: str
    """As in the sentence "There is no category 7."."""
    shown: type[Schema]

    def get(self, request: HttpRequest, response: HttpResponse, key: int) -> Any:
        """Show a row; raise `Http404` if there is none."""
        return self._tagged(request, response, self._row(key))

    def create(self, request: HttpRequest, response: HttpResponse, data: Schema) -> Any:
        """Make a row, and show it; raise `ValidationError`."""
        row = self.model()
        save_clean(row, data.model_dump())
        return Status(201, self._tagged(request, response, row))

    def change(self, request: HttpRequest, response: HttpResponse, key: int, data: Schema, if_match: str | None) -> Any:
        """Change what is sent of a row, if the client has seen it as it is now, and show it."""
        with transaction.atomic():
            row = self._locked(key, if_match)
            save_clean(row, data.model_dump(exclude_unset=True))
        return self._tagged(request, response, row)

    def delete(self, key: int, if_match: str | None) -> Any:
        """Delete a row, if the client has seen it as it is now."""
        with transaction.atomic():
            self._locked(key, if_match).delete()
        return Status(204, None)

    def _row(self, key: int, *, lock: bool = False) -> Any:
        return get_or_404(self.model._default_manager.all(), self.name, key, lock=lock, pk=key)

    def _locked(self, key: int, if_match: str | None) -> Any:
        row = self._row(key, lock=True)
        check_if_match(if_match, self.shown.from_orm(row))
        return row

    def _tagged(self, request: HttpRequest, response: HttpResponse, row: models.Model) -> Any:
        return with_etag(request, response, self.shown.from_orm(row))

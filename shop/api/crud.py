"""Operations on single rows of any model, each with its ETag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from ninja import Schema, Status

from shop.api.operations import get_or_404
from shop.api.services.write import save_clean
from tenants.contrib.api.etags import check_if_match, with_etag


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Rows of one model that clients can change. The methods are bodies of operations."""

    model: type[models.Model]
    name: str
    """For error messages: "category"."""
    schema: type[Schema]

    def get(self, request: HttpRequest, response: HttpResponse, key: int) -> Any:
        return self._tagged(request, response, self._row(key))

    def create(self, request: HttpRequest, response: HttpResponse, data: Schema) -> Any:
        row = self.model()
        save_clean(row, data.model_dump())
        return Status(201, self._tagged(request, response, row))

    def change(self, request: HttpRequest, response: HttpResponse, key: int, data: Schema, if_match: str | None) -> Any:
        """Change the fields that were sent, if the row still has the ETag of `if_match`."""
        with transaction.atomic():
            row = self._locked(key, if_match)
            save_clean(row, data.model_dump(exclude_unset=True))
        return self._tagged(request, response, row)

    def delete(self, key: int, if_match: str | None) -> Any:
        """Delete the row, if it still has the ETag of `if_match`."""
        with transaction.atomic():
            self._locked(key, if_match).delete()
        return Status(204, None)

    def _row(self, key: int, *, lock: bool = False) -> models.Model:
        return get_or_404(self.model._default_manager.all(), self.name, key, lock=lock, pk=key)

    def _locked(self, key: int, if_match: str | None) -> models.Model:
        row = self._row(key, lock=True)
        check_if_match(if_match, self.schema.from_orm(row))
        return row

    def _tagged(self, request: HttpRequest, response: HttpResponse, row: models.Model) -> Any:
        return with_etag(request, response, self.schema.from_orm(row))

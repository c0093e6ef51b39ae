"""Many goods at once."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema


class BulkReport(Schema):
    """What was done, in numbers of goods; goods of which a sku or picture is new or differs are updated."""

    created: int
    updated: int
    unchanged: int
    skus: int
    pictures: int


class ImportOut(Schema):
    """A file of goods that was handed in, and what has come of it."""

    id: int
    status: str
    file_name: str
    size: int = Field(description="In bytes.")
    report: BulkReport | None
    errors: list[str]
    created_at: datetime
    finished_at: datetime | None

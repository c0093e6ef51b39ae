"""Imports of goods."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema


class ImportParams(Schema):
    """How a file is imported."""

    file_name: str = Field("goods.csv", min_length=1, max_length=255, pattern=r"^[^\x00]*$", description="Its name.")
    background: bool = Field(False, description="true: a worker imports the file, and the response is 202.")
    dry_run: bool = Field(False, description="true: nothing is saved; the report says what would change.")


class WarningOut(Schema):
    """What the import changed or left out, and how often."""

    kind: str = Field(description="A name for programs, such as “repeated-code”.")
    count: int
    detail: str = Field(description="The warning in words, without the count.")
    lines: list[int] = Field(description="The first five lines of the file that it is about.")


class LeftOutColumn(Schema):
    """A column of the file that the import does not use."""

    column: str
    count: int = Field(description="How many of its cells are not empty.")


class BulkReport(Schema):
    """Numbers of goods. Goods with a new or changed SKU or picture count as updated."""

    created: int
    updated: int
    unchanged: int
    skus: int
    pictures: int
    format: str = Field("", description="The recognized kind of file.")
    warnings: list[WarningOut] = []
    left_out: list[LeftOutColumn] = []


class ImportOut(Schema):
    """An uploaded file of goods, and the result of its import."""

    id: int
    status: str
    file_name: str
    size: int = Field(description="In bytes.")
    dry_run: bool
    report: BulkReport | None
    errors: list[str]
    created_at: datetime
    finished_at: datetime | None

"""Many goods at once."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema


class WarningOut(Schema):
    """Something that was taken otherwise than the file says, and how often."""

    kind: str = Field(description="A name for programs, such as “repeated-code”.")
    count: int
    detail: str = Field(description="In words, after which the count stands.")
    lines: list[int] = Field(description="On which lines of the file, the first five.")


class LeftOutColumn(Schema):
    """A column of the file that is not used."""

    column: str
    count: int = Field(description="How many of its cells say something.")


class BulkReport(Schema):
    """What was done, in numbers of goods; goods of which a sku or picture is new or differs are updated."""

    created: int
    updated: int
    unchanged: int
    skus: int
    pictures: int
    format: str = Field("", description="What kind of file it was taken for.")
    warnings: list[WarningOut] = []
    left_out: list[LeftOutColumn] = []


class ImportOut(Schema):
    """A file of goods that was handed in, and what has come of it."""

    id: int
    status: str
    file_name: str
    size: int = Field(description="In bytes.")
    dry_run: bool
    report: BulkReport | None
    errors: list[str]
    created_at: datetime
    finished_at: datetime | None

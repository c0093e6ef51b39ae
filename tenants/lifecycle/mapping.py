"""Files that say what the rows of a variant begin with.

A CSV file in UTF-8 for one model of the variant. Its first column is named for a field by which the base tells its rows
apart, such as `slug`; each other column for a field of the variant's. An empty cell leaves what is there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Model

from tenants.errors import MappingRefused
from tenants.migrator.aside import Rows
from tenants.variants.labels import children_of

_BATCH = 1000
_MAX_PROBLEMS = 20

_Line = tuple[int, list[str]]


def read_mappings(variant: str, files: Mapping[str, Path | str]) -> Rows:
    """Write into the active tenant's rows of `variant` what files say, and return how many rows got something.

    `files` are by the name of a model; with one model alone the name may be empty. Raises `MappingRefused`.
    """
    return {
        model._meta.db_table: _Mapping(model, parent, Path(file)).read()
        for (model, parent), file in ((_model_called(name, variant, str(file)), file) for name, file in files.items())
    }


def _model_called(name: str, variant: str, file: str) -> tuple[type[Model], type[Model]]:
    there = {child.__name__: (child, parent) for child, parent, _ in children_of(variant)}
    if name in there:
        return there[name]
    if not name and len(there) == 1:
        return next(iter(there.values()))
    names = ", ".join(f"{one}={file}" for one in there) or "none: it has no such models"
    raise MappingRefused(file, [f"say which model of {variant!r} it is for: {names}."])


class _Mapping:
    def __init__(self, model: type[Model], parent: type[Model], path: Path) -> None:
        self._model = model
        self._parent = parent
        self._path = path
        self._problems: list[str] = []
        self._seen: dict[Any, int] = {}
        """On which line a row of the base is named."""

    def read(self) -> int:
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as text:
                return self._read(csv.reader(text, strict=True))
        except OSError as error:
            raise MappingRefused(str(self._path), [f"it cannot be read: {error.strerror}."]) from error
        except UnicodeDecodeError as error:
            raise MappingRefused(str(self._path), ["it is not in UTF-8."]) from error
        except csv.Error as error:
            raise MappingRefused(str(self._path), [f"it is no CSV: {error}."]) from error

    def _read(self, rows: Any) -> int:
        header = [name.strip() for name in next(rows, [])]
        key, fields = self._fields(header)
        lines = self._lines(rows, len(header))
        done = 0
        while batch := list(islice(lines, _BATCH)):
            done += self._write(key, fields, batch)
        if self._problems:
            raise MappingRefused(str(self._path), self._problems)
        return done

    def _fields(self, header: list[str]) -> tuple[Field[Any, Any], list[Field[Any, Any]]]:
        """Return the field that the first column names, and those of the others."""
        own = {field.name: field for field in self._model._meta.local_concrete_fields if not field.remote_field}
        wrong = [name for name in header[1:] if name not in own]
        if len(header) < 2 or wrong:
            what = (
                f"{self._model.__name__} has no field {', '.join(map(repr, wrong))}" if wrong else "a column is missing"
            )
            self._refuse(f"{what}. After the first column there can be {', '.join(own)}.")
        try:
            key = self._parent._meta.get_field(header[0])
        except FieldDoesNotExist:
            key = None
        if not getattr(key, "unique", False):
            known = [field.name for field in self._parent._meta.concrete_fields if field.unique]
            self._refuse(
                f"{header[0]!r} does not tell one row from another. The first column is one of {', '.join(known)}."
            )
        return key, [own[name] for name in header[1:]]  # type: ignore[return-value]  # refused above

    def _lines(self, rows: Any, width: int) -> Iterator[_Line]:
        for row in rows:
            if len(row) == width:
                yield rows.line_num, [cell.strip() for cell in row]
            elif any(row):
                self._note(rows.line_num, f"the row has {len(row)} cells, and the header {width}.")

    def _write(self, key: Field[Any, Any], fields: list[Field[Any, Any]], lines: list[_Line]) -> int:
        wanted = dict(self._keyed(key, lines))
        found = self._model._base_manager.filter(**{f"{key.name}__in": wanted})
        there = {getattr(instance, key.attname): instance for instance in found}
        changed = []
        for value, (number, cells) in wanted.items():
            if value not in there:
                self._note(number, f"there is no row with the {key.name} {value!r}.")
            elif self._fill(there[value], fields, cells, number):
                changed.append(there[value])
        if not self._problems:
            self._model._base_manager.bulk_update(changed, [field.name for field in fields], batch_size=_BATCH)
        return len(changed)

    def _keyed(self, key: Field[Any, Any], lines: list[_Line]) -> Iterator[tuple[Any, _Line]]:
        for number, (text, *cells) in lines:
            try:
                value = key.to_python(text)
            except ValidationError as error:
                self._note(number, f"{key.name}: {' '.join(error.messages)}")
                continue
            first = self._seen.setdefault(value, number)
            if first == number:
                yield value, (number, cells)
            else:
                self._note(number, f"the {key.name} {value!r} is on line {first} already.")

    def _fill(self, instance: Model, fields: list[Field[Any, Any]], cells: list[str], number: int) -> bool:
        for field, cell in zip(fields, cells, strict=True):
            if cell:
                try:
                    setattr(instance, field.attname, field.clean(cell, instance))
                except ValidationError as error:
                    self._note(number, f"{field.name}: {' '.join(error.messages)}")
        return any(cells)

    def _note(self, line: int, problem: str) -> None:
        self._problems.append(f"line {line}: {problem}")
        if len(self._problems) >= _MAX_PROBLEMS:
            raise MappingRefused(str(self._path), [*self._problems, "There may be more; the rest was not read."])

    def _refuse(self, problem: str) -> None:
        raise MappingRefused(str(self._path), [problem])

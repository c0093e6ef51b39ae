"""CSV files with initial values for the rows of a variant.

A file in UTF-8 is for one model of the variant. Its first column is a unique field of the base model, such as `slug`;
the other columns are fields of the variant's model. Empty cells change nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Model
from django.utils.translation import gettext

from tenants.errors import InvalidMappingFile
from tenants.migrator.dormant_variants import RowCounts
from tenants.variants.labels import children_of

_BATCH = 1000
_MAX_PROBLEMS = 20

_Line = tuple[int, list[str]]
if TYPE_CHECKING:
    # Takes lines and returns the number of rows with a value. Fields are generic only for the type checker.
    _Take = Callable[[Field[Any, Any], list[Field[Any, Any]], list[_Line]], int]


@dataclass(frozen=True, slots=True)
class MappingText:
    """The content of a file that was uploaded."""

    name: str
    text: str

    def __str__(self) -> str:
        return self.name

    def open(self, **_: object) -> TextIO:
        return StringIO(self.text, newline="")


Files = Mapping[str, Path | str | MappingText]
"""Files by model name, which may be empty if the variant has only one model."""


def read_mappings(variant: str, files: Files) -> RowCounts:
    """Update the active tenant's rows of `variant` from files, and return the row counts.

    Raises `InvalidMappingFile`.
    """
    return {mapping.table: mapping.read() for mapping in _mappings(variant, files)}


def check_mappings(variant: str, files: Files) -> None:
    """Raise `InvalidMappingFile` for problems that do not depend on a tenant's rows, without a query."""
    for mapping in _mappings(variant, files):
        mapping.check()


def _mappings(variant: str, files: Files) -> Iterator[_Mapping]:
    for name, file in files.items():
        model, parent = _model_called(name, variant, str(file))
        yield _Mapping(model, parent, Path(file) if isinstance(file, str) else file)


def _model_called(name: str, variant: str, file: str) -> tuple[type[Model], type[Model]]:
    there = {child.__name__: (child, parent) for child, parent, _ in children_of(variant)}
    if name in there:
        return there[name]
    if not name and len(there) == 1:
        return next(iter(there.values()))
    names = ", ".join(there) or gettext("none: it has no such models")
    which = gettext("Name the model of %(variant)s that it is for: %(names)s.")
    raise InvalidMappingFile(file, [which % {"variant": variant, "names": names}])


class _Mapping:
    def __init__(self, model: type[Model], parent: type[Model], file: Path | MappingText) -> None:
        self.table = model._meta.db_table
        self._model = model
        self._parent = parent
        self._file = file
        self._problems: list[tuple[int, str]] = []
        """Line numbers with problems."""
        self._seen: dict[Any, int] = {}
        """Line numbers by key."""

    def read(self) -> int:
        """Update the rows and return how many got a value."""
        return self._each_batch(self._write)

    def check(self) -> None:
        """Check the file without a query."""
        self._each_batch(self._try)

    def _each_batch(self, take: _Take) -> int:
        try:
            with self._file.open(encoding="utf-8-sig", newline="") as text:
                return self._read(csv.reader(text, strict=True), take)
        except OSError as error:
            self._refuse(gettext("The file cannot be read: %s.") % error.strerror)
        except UnicodeDecodeError:
            self._refuse(gettext("The file is not in UTF-8."))
        except csv.Error as error:
            self._refuse(gettext("The file is not valid CSV: %s.") % error)

    def _read(self, rows: Any, take: _Take) -> int:
        header = [name.strip() for name in next(rows, [])]
        key, fields = self._fields(header)
        lines = self._lines(rows, len(header))
        done = 0
        while batch := list(islice(lines, _BATCH)):
            done += take(key, fields, batch)
        if self._problems:
            raise InvalidMappingFile(str(self._file), self._messages())
        return done

    def _fields(self, header: list[str]) -> tuple[Field[Any, Any], list[Field[Any, Any]]]:
        """Return the field of the first column, and those of the others."""
        own = {field.name: field for field in self._model._meta.local_concrete_fields if not field.remote_field}
        wrong = [name for name in header[1:] if name not in own]
        if len(header) < 2 or wrong:
            what = gettext("%(model)s has no field %(names)s.") if wrong else gettext("A column is missing.")
            after = gettext("The other columns can be: %s.") % ", ".join(own)
            names = {"model": self._model.__name__, "names": ", ".join(map(repr, wrong))}
            self._refuse(f"{what % names} {after}")
        try:
            key = self._parent._meta.get_field(header[0])
        except FieldDoesNotExist:
            key = None
        if not getattr(key, "unique", False):
            known = ", ".join(field.name for field in self._parent._meta.concrete_fields if field.unique)
            what = gettext("%(name)s is not unique. The first column can be: %(known)s.")
            self._refuse(what % {"name": repr(header[0]), "known": known})
        return key, [own[name] for name in header[1:]]  # type: ignore[return-value]  # refused above

    def _lines(self, rows: Any, width: int) -> Iterator[_Line]:
        for row in rows:
            if len(row) == width:
                yield rows.line_num, [cell.strip() for cell in row]
            elif any(row):
                what = gettext("The row has %(cells)s cells, but the header has %(width)s.")
                self._note(rows.line_num, what % {"cells": len(row), "width": width})

    def _write(self, key: Field[Any, Any], fields: list[Field[Any, Any]], lines: list[_Line]) -> int:
        wanted = dict(self._keyed(key, lines))
        found = self._model._base_manager.filter(**{f"{key.name}__in": wanted})
        there = {getattr(instance, key.attname): instance for instance in found}
        changed = []
        for value, (number, cells) in wanted.items():
            if value not in there:
                what = gettext("No row has the %(name)s %(value)s.")
                self._note(number, what % {"name": key.name, "value": repr(value)})
            elif self._fill(there[value], fields, cells, number):
                changed.append(there[value])
        if not self._problems:
            self._model._base_manager.bulk_update(changed, [field.name for field in fields], batch_size=_BATCH)
        return len(changed)

    def _try(self, key: Field[Any, Any], fields: list[Field[Any, Any]], lines: list[_Line]) -> int:
        return sum(self._fill(self._model(), fields, cells, number) for _, (number, cells) in self._keyed(key, lines))

    def _keyed(self, key: Field[Any, Any], lines: list[_Line]) -> Iterator[tuple[Any, _Line]]:
        for number, (text, *cells) in lines:
            try:
                value = key.to_python(text)
            except ValidationError as error:
                self._note(number, " ".join(error.messages), key.name)
                continue
            first = self._seen.setdefault(value, number)
            if first == number:
                yield value, (number, cells)
            else:
                what = gettext("The %(name)s %(value)s is already on line %(first)s.")
                self._note(number, what % {"name": key.name, "value": repr(value), "first": first})

    def _fill(self, instance: Model, fields: list[Field[Any, Any]], cells: list[str], number: int) -> bool:
        for field, cell in zip(fields, cells, strict=True):
            if cell:
                try:
                    setattr(instance, field.attname, field.clean(cell, instance))
                except ValidationError as error:
                    self._note(number, " ".join(error.messages), field.name)
        return any(cells)

    def _note(self, line: int, problem: str, column: str = "") -> None:
        where = gettext("Line %(line)s, column %(column)s:") if column else gettext("Line %(line)s:")
        self._problems.append((line, f"{where % {'line': line, 'column': column}} {problem}"))
        if len(self._problems) >= _MAX_PROBLEMS:
            rest = gettext("There may be more errors: the rest was not read.")
            raise InvalidMappingFile(str(self._file), [*self._messages(), rest])

    def _messages(self) -> list[str]:
        return [text for _, text in sorted(self._problems)]

    def _refuse(self, problem: str) -> NoReturn:
        raise InvalidMappingFile(str(self._file), [problem])

"""Settings of a project, and a record of what was set, completed and left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What `configure` did with a setting."""

    SET = "set"
    COMPLETED = "completed"
    LEFT = "left as the project has it"


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting, and what `configure` did with it."""

    setting: str
    outcome: Outcome
    note: str
    """What was added, or what it would have been."""
    value: Any
    """The value after the call."""


class ProjectSettings:
    """The names of a settings module."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._records: list[tuple[str, Outcome, str]] = []

    def entries(self) -> list[Entry]:
        return [Entry(setting, outcome, note, self.get(setting)) for setting, outcome, note in self._records]

    def get(self, setting: str, default: Any = None) -> Any:
        return self._names.get(setting, default)

    def set(self, setting: str, value: Any, note: str = "") -> None:
        self._names[setting] = value
        self._record(setting, Outcome.SET, note)

    def set_default(self, setting: str, value: Any) -> None:
        """Set what the project has not set, or has set to an empty value."""
        current = self.get(setting)
        if not current:
            self.set(setting, value)
        elif current != value:
            self.leave(setting, f"would be {value!r}")

    def complete(self, setting: str, value: Any, note: str) -> None:
        """Replace a value of the project by one that has more; without a note nothing has changed."""
        if note:
            self._names[setting] = value
            self._record(setting, Outcome.COMPLETED, note)

    def leave(self, setting: str, note: str) -> None:
        self._record(setting, Outcome.LEFT, note)

    def _record(self, setting: str, outcome: Outcome, note: str) -> None:
        self._records.append((setting, outcome, note))


def inserted(values: list[Any], index: int, value: Any) -> list[Any]:
    return [*values[:index], value, *values[index:]]

"""A dictionary with other contents for each tenant, for caches of Django's that a process has once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from threading import Lock
from typing import Any
from weakref import WeakSet

from tenants.conf import tenancy
from tenants.context import current_tenant

_all_lock = Lock()  # migrations on many threads make dictionaries, and drop what all of them hold


class PerTenantDict(MutableMapping[str, Any]):
    """The items of the active tenant."""

    _all: WeakSet[PerTenantDict] = WeakSet()

    def __init__(self) -> None:
        # The tenant that was used longest ago is dropped first; the lock guards the order.
        self._contents: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = Lock()
        with _all_lock:
            self._all.add(self)

    @classmethod
    def forget(cls, schema: str) -> None:
        """Drop what all such dictionaries hold for one tenant, for example after a rollback."""
        with _all_lock:
            dictionaries = list(cls._all)
        for dictionary in dictionaries:
            with dictionary._lock:
                dictionary._contents.pop(schema, None)

    # By identity: a WeakSet compares its members.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def _own(self) -> dict[str, Any]:
        schema = current_tenant().schema
        with self._lock:
            own = self._contents.get(schema)
            if own is None:
                own = self._contents[schema] = {}
                while len(self._contents) > tenancy().registry_size:
                    self._contents.popitem(last=False)
            else:
                self._contents.move_to_end(schema)
            return own

    def __getitem__(self, key: str) -> Any:
        return self._own()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._own()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._own()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._own())

    def __len__(self) -> int:
        return len(self._own())

    def clear(self) -> None:
        """Drop the items of all tenants; Django does so after migrations, when ids may have changed."""
        with self._lock:
            self._contents.clear()

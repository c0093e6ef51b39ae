"""Patches of Django's relations: prefetching, and what related managers add, remove and set."""

from __future__ import annotations

from copy import copy
from functools import wraps
from typing import Any

from tenants.isolation.patches.arguments import check_arguments, check_rows
from tenants.isolation.patches.result_cache import mark_prefetched


def check_prefetched(original: Any) -> Any:
    @wraps(original)
    def prefetch_one_level(instances: Any, prefetcher: Any, lookup: Any, level: int) -> Any:
        instances = list(instances)
        check_rows(instances)
        if lookup.queryset is not None:
            # Django puts hints into the queryset of a `Prefetch`, which a view or a module may share with all threads.
            shared, lookup = lookup, copy(lookup)
            lookup.queryset = shared.queryset._chain()
        found = original(instances, prefetcher, lookup, level)
        mark_prefetched(instances)
        return found

    return prefetch_one_level


def check_managers(original: Any) -> Any:
    """Return a maker of related managers that check their arguments: `remove()` takes nothing but their keys."""

    @wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        manager = original(*args, **kwargs)
        for name in ("add", "remove", "set"):
            if name in vars(manager):
                setattr(manager, name, check_arguments(getattr(manager, name)))
        return manager

    return make

"""Callbacks of `on_commit`: kept as Django keeps them, and called as the tenant that registered them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tenants.context import TenantInfo, active_tenant, use_tenant


class _Savepoints(set[str]):
    """The savepoints around a callback, as Django has them, and the tenant that registered it."""

    tenant: TenantInfo | None = None


class CommitHooks(list[Any]):
    """Stands in for the list `run_on_commit` of a connection: its callbacks are the ones that were given.

    A wrapper in their place would be what `TestCase.captureOnCommitCallbacks()` and error messages show. So the
    tenant is with the savepoints, and a loop over the list has it active, each time, while the callback is there.
    """

    def append(self, hook: Any) -> None:
        savepoints = _Savepoints(hook[0])
        savepoints.tenant = active_tenant()
        super().append((savepoints, *hook[1:]))

    def __iter__(self) -> Iterator[Any]:
        for hook in super().__iter__():
            tenant = getattr(hook[0], "tenant", None)
            if tenant is None:
                yield hook
            else:
                with use_tenant(tenant):
                    yield hook

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return CommitHooks(found) if isinstance(index, slice) else found

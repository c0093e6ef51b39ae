"""Commit hooks: callbacks of `on_commit` run as the tenant that registered them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tenants.context import TenantInfo, active_tenant, use_tenant


class _Savepoints(set[str]):
    """Django's set of savepoints around a callback, and the tenant that registered the callback."""

    tenant: TenantInfo | None = None


class CommitHooks(list[Any]):
    """Replacement of the list `run_on_commit` that activates the tenant of each callback during iteration.

    The callbacks stay unwrapped, because `TestCase.captureOnCommitCallbacks()` and error messages show them. The
    tenant is stored with the savepoints instead.
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

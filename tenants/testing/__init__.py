"""What a project with tenants is tested with: a pytest plugin, test cases, and probes that try its isolation.

`pytest_plugins = ["tenants.testing.plugin"]` in a conftest; `from tenants.testing import TenantTestCase` for Django's
own test runner; `manage.py check_isolation`. docs/testing.md shows them.
"""

from __future__ import annotations

from typing import Any

__all__ = ["TenantTestCase", "TenantTransactionTestCase"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # not before they are asked for: models are loaded with them
        from tenants.testing import testcases as cases

        return getattr(cases, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

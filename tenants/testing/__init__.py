"""Test kit for projects with tenants: a pytest plugin, test cases, and probes of isolation. See docs/testing.md.

`pytest_plugins = ["tenants.testing.plugin"]` in a conftest; `from tenants.testing import TenantTestCase` for Django's
test runner; `manage.py check_isolation`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["TenantLiveServerTestCase", "TenantTestCase", "TenantTransactionTestCase"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # imported late, since models are imported with them
        from tenants.testing import testcases

        return getattr(testcases, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

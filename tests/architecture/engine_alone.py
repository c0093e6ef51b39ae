"""Script: import every module of the engine where no third-party package but its own three can be imported.

Prints the modules that could not be imported, one a line, with the package that they asked for; else "every module".
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from importlib.abc import MetaPathFinder
from typing import Any

ALLOWED = {"django", "psycopg", "psycopg_binary", "psycopg_c", "psycopg_pool", "idna"}
BROUGHT_BY_THEM = {"asgiref", "sqlparse", "typing_extensions", "tzdata"}
ENGINE = {"tenants"}
OF_EXTRAS = ("tenants.contrib", "tenants.testing.plugin", "tenants.tasks.worker", "tenants.tasks.retries")
"""Modules that need a third-party package: contrib apps, the plugin of pytest, the worker of procrastinate."""


class OnlyTheEngine(MetaPathFinder):
    """Refuses every package that is neither the engine's own nor the standard library's."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        package = name.partition(".")[0]
        known = ALLOWED | BROUGHT_BY_THEM | ENGINE | set(sys.stdlib_module_names)
        if package not in known and not package.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        if name.startswith("tenants.contrib"):
            raise ModuleNotFoundError("the engine is asked without its contrib apps", name=name)


def main() -> None:
    sys.meta_path.insert(0, OnlyTheEngine())
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="x",
        INSTALLED_APPS=["tenants", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        DATABASES={"default": {"ENGINE": "tenants.postgresql", "NAME": "none"}},
        DATABASE_ROUTERS=["tenants.isolation.router.TenantRouter"],
        ROOT_URLCONF="tenants.http",
        TENANTS={
            "ORIGIN": "http://localhost",
            "TENANT_URLCONF": "tenants.http",
            "SHARED_APPS": ["tenants"],
            "COMMON_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        },
    )
    django.setup()
    import tenants

    asked_for = []
    for module in pkgutil.walk_packages(tenants.__path__, "tenants.", onerror=lambda name: None):
        if not module.name.startswith(OF_EXTRAS):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                asked_for.append(f"{module.name}: {error.name}")
    print("\n".join(asked_for or ["every module"]))


if __name__ == "__main__":
    main()

"""Script: import the modules of contrib apps where only the packages of their extra can be imported.

Arguments, each separated by commas: the apps to import, the apps to install, the importable packages. Prints the
modules that could not be imported, one a line, with the reason; else "every module".
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from importlib.abc import MetaPathFinder
from typing import Any

OURS = {"tenants", "django"}
DJANGO_APPS = [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages", "admin")]
THIRD_PARTY_APPS = {
    "unfold": ["unfold"],
    "django_otp": ["django_otp", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static"],
    "procrastinate": ["procrastinate.contrib.django"],
    "oauth2_provider": ["tenants.contrib.oauth.toolkit_app.ToolkitConfig"],
}
SWAPPED = ("APPLICATION", "GRANT", "ACCESS_TOKEN", "REFRESH_TOKEN", "ID_TOKEN", "DEVICE_GRANT")


class OnlyTheExtra(MetaPathFinder):
    """Refuses every package that is neither ours, nor of the standard library, nor of the extra."""

    def __init__(self, packages: set[str]) -> None:
        self.known = packages | OURS | set(sys.stdlib_module_names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        package = name.partition(".")[0]
        if package not in self.known and not package.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)


def main() -> None:
    contrib, installed, packages = (argument.split(",") for argument in sys.argv[1:])
    sys.meta_path.insert(0, OnlyTheExtra(set(packages)))
    import django
    from django.conf import settings

    third_party = [app for package in packages for app in THIRD_PARTY_APPS.get(package, [])]
    names = {f"OAUTH2_PROVIDER_{name}_MODEL": name.title().replace("_", "") for name in SWAPPED}
    settings.configure(
        SECRET_KEY="x",
        INSTALLED_APPS=["tenants", *third_party, *DJANGO_APPS, *(f"tenants.contrib.{name}" for name in installed)],
        DATABASES={"default": {"ENGINE": "tenants.postgresql", "NAME": "none"}},
        DATABASE_ROUTERS=["tenants.isolation.router.TenantRouter"],
        ROOT_URLCONF="tenants.http",
        MIGRATION_MODULES={"oauth2_provider": None},
        TENANTS={"ORIGIN": "http://localhost", "TENANT_URLCONF": "tenants.http"},
        **{name: f"oauth.{model.replace('IdToken', 'IDToken')}" for name, model in names.items()},
    )
    django.setup()
    failed = []
    for name in contrib:
        package = importlib.import_module(f"tenants.contrib.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda name: None):
            try:
                importlib.import_module(module.name)
            except Exception as error:
                failed.append(f"{module.name}: {error}")
    print("\n".join(failed or ["every module"]))


if __name__ == "__main__":
    main()

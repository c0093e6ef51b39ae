"""INSTALLED_APPS, and the places of their tables in TENANTS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tenants.configuration.report import ProjectSettings
from tenants.variants.discovery import variant_apps

_ENGINE = "tenants"
_BEFORE_THE_ENGINE = "tenants.contrib.impersonation"
"""Has a command that replaces one of the engine's."""
_PROCRASTINATE, _WORKER = "procrastinate.contrib.django", "tenants.contrib.tasks"
_IN_BOTH = tuple(
    f"django.contrib.{name}"
    for name in ("admin", "auth", "contenttypes", "flatpages", "redirects", "sessions", "sites")
)
"""Django's apps with tables. Each side has its own users, sessions and entries of the admin's log."""


def complete(
    project: ProjectSettings,
    *,
    shared: Sequence[str],
    tenant: Sequence[str],
    common: Sequence[str],
    urlconf: str,
    keys: Mapping[str, Any],
) -> None:
    shared = list(dict.fromkeys([_ENGINE, *shared]))
    installed = _complete_apps(project, shared, [*common, *tenant], str(keys.get("variants", "")))
    placed = {*shared, *tenant, *common}
    in_both = [app for app in _IN_BOTH if _has(installed, app) and not _has(placed, app)]
    _complete_tenants(
        project,
        {
            "TENANT_URLCONF": urlconf or project.get("ROOT_URLCONF", ""),
            "SHARED_APPS": shared,
            "COMMON_APPS": [*in_both, *common],
            "TENANT_APPS": list(tenant),
            **{key.upper(): value for key, value in keys.items()},
        },
    )


def _complete_apps(project: ProjectSettings, shared: list[str], others: list[str], variants: str) -> list[str]:
    """Put the shared apps before those of Django, whose commands the engine replaces, and the others behind them."""
    installed = list(project.get("INSTALLED_APPS", ()))
    first = [app for app in shared if not _has(installed, app)]
    first.sort(key=lambda app: (app != _BEFORE_THE_ENGINE, app != _ENGINE))
    last = [app for app in others if not _has(installed, app)]
    if _has([*first, *installed], _PROCRASTINATE) and not _has(installed, _WORKER):
        last.append(_WORKER)
    if variants:
        last += [app for app in variant_apps(variants) if not _has(installed, app)]
    value = [*first, *installed, *last]
    project.complete("INSTALLED_APPS", value, _added([*first, *last]))
    return value


def _complete_tenants(project: ProjectSettings, ours: dict[str, Any]) -> None:
    given = dict(project.get("TENANTS") or {})
    added = [key for key in ours if key not in given]
    if given:
        project.complete("TENANTS", {**ours, **given}, _added(added))
    else:
        project.set("TENANTS", ours)
    for key in given.keys() & ours.keys():
        project.leave(f"TENANTS[{key!r}]", f"would be {ours[key]!r}")


def _has(apps: Iterable[str], app: str) -> bool:
    """Return whether an app is among the entries, by its name or by the path of an app config."""
    return any(entry == app or entry.startswith(f"{app}.apps.") for entry in apps)


def _added(names: list[str]) -> str:
    return f"added {', '.join(names)}" if names else ""

"""Plans and the limits of a tenant that follow from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from tenants.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one tenant in one process. 0: no limit."""

    concurrency: int = 0
    """Concurrent requests."""
    queue: int = 0
    """Requests that wait for one of those to end, before others are refused."""
    rate: int = 0
    """Requests a second, in the long run."""
    burst: int = 0
    """Requests that can come together after a quiet period; never fewer than `rate`."""
    statement_seconds: int = 0
    """How long one statement of a request may take."""

    def overridden(self, **own: int | None) -> Limits:
        """Return these limits with those in place of them that are not None."""
        return replace(self, **{name: value for name, value in own.items() if value is not None})


NO_LIMITS = Limits()


def read_plans(plans: Mapping[Any, Any]) -> dict[str, Limits]:
    """Return the plans of `TENANTS["PLANS"]` by name; raise `ConfigurationError` for what cannot be one."""
    return {name: _read_plan(name, plan) for name, plan in plans.items()}


def _read_plan(name: Any, plan: Any) -> Limits:
    if not isinstance(name, str) or not isinstance(plan, Mapping):
        raise ConfigurationError(f"TENANTS['PLANS'] has {name!r}: {plan!r}. It takes names, each with a dictionary.")
    known = {field.name.upper(): field.name for field in fields(Limits)}
    values: dict[str, int] = {}
    for key, value in plan.items():
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It takes {', '.join(known)}."
            raise ConfigurationError(f"The plan {name!r} in TENANTS['PLANS'] has the key {key!r}. {hint}")
        if type(value) is not int or not 0 <= value <= 2**31 - 1:
            raise ConfigurationError(f"{key} of the plan {name!r} is {value!r}. It takes a whole number; 0: no limit.")
        values[known[key]] = value
    return Limits(**values)

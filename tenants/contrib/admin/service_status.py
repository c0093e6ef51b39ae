"""How the services are right now: what all processes that call them have written down, put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tenants.contrib.services.models import Service, ServiceReport
from tenants.contrib.services.stats import BOUNDS, quantile
from tenants.models import Tenant

FRESH_SECONDS = 15.0
"""After which a process that writes nothing more is not counted."""


@dataclass(slots=True)
class AddressNow:
    """One address, as all processes see it."""

    url: str
    in_use: bool = False
    """Whether it is registered and not taken out of use."""
    seen_by: int = 0
    unhealthy: int = 0
    open: int = 0
    """How many processes leave it alone, or have it tried by one request."""
    in_flight: int = 0
    sockets: int = 0
    attempts: int = 0
    failures: int = 0
    blocked_tenants: set[int] = field(default_factory=set)
    """The ids of tenants by whom alone it is left alone."""
    shops: list[str] = field(default_factory=list)
    """Their slugs."""

    def add(self, facts: dict[str, Any]) -> None:
        """Add what one process has seen."""
        self.seen_by += 1
        self.unhealthy += not facts["healthy"]
        self.open += facts["breaker"] != "closed"
        self.blocked_tenants.update(facts.get("blocked_tenants", ()))  # none of a process with older code
        for name in ("in_flight", "sockets", "attempts", "failures"):
            setattr(self, name, getattr(self, name) + facts[name])

    @property
    def state(self) -> tuple[str, str]:
        """How it is, as unfold's colour and a word."""
        if not self.in_use:
            return "", _("out of use")
        if not self.seen_by:
            return "", _("not asked yet")
        if self.unhealthy:
            return "danger", _("not well")
        if self.open:
            return "warning", _("left alone")
        if self.blocked_tenants:
            return "warning", _("left alone by some shops")
        return "success", _("well")


@dataclass(slots=True)
class ServiceNow:
    """One service."""

    pk: int
    name: str
    is_active: bool
    rate: float = 0.0
    requests: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    addresses: dict[str, AddressNow] = field(default_factory=dict)

    def add(self, facts: dict[str, Any]) -> None:
        """Add what one process has seen."""
        self.rate += facts["rate"]
        self.requests += facts["requests"]
        self.errors += facts["errors"]
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, facts["buckets"], strict=True)]
        for address in facts["addresses"]:
            self.addresses.setdefault(address["url"], AddressNow(address["url"])).add(address)

    @property
    def figures(self) -> list[tuple[str, str, bool]]:
        """What is told of it: a name, a text, and whether it is alarming."""
        share = self.errors / self.requests if self.requests else 0.0
        return [
            (_("requests a second"), number_format(self.rate, decimal_pos=1), False),
            (_("errors"), f"{number_format(share * 100, decimal_pos=1)} %", share > 0.01),
            (_("half take at most"), _duration(self.buckets, 0.5), False),
            (_("99 % take at most"), _duration(self.buckets, 0.99), False),
        ]


def _duration(buckets: list[int], share: float) -> str:
    bound = quantile(buckets, share)
    if bound is None:
        return "–"
    if bound == float("inf"):
        return _("more than %s s") % number_format(BOUNDS[-1], decimal_pos=0)
    return (
        f"{number_format(bound * 1000, decimal_pos=0)} ms" if bound < 1 else f"{number_format(bound, decimal_pos=1)} s"
    )


@dataclass(frozen=True, slots=True)
class ProcessNow:
    """One process that calls services."""

    process: str
    role: str
    seconds: int
    """Since it last wrote."""
    is_fresh: bool


def panel() -> dict[str, Any]:
    """Return the template context of `tenants/admin/services_panel.html`: three queries, or four."""
    now = timezone.now()
    reports = list(ServiceReport.objects.all())
    services = {row.name: _service(row) for row in Service.objects.prefetch_related("addresses")}
    for report in reports:
        if _age(report, now) <= FRESH_SECONDS:
            for name, facts in report.facts.items():
                if name in services:
                    services[name].add(facts)
    _name_shops([address for service in services.values() for address in service.addresses.values()])
    return {"services": list(services.values()), "processes": list(_processes(reports, now))}


def _service(row: Service) -> ServiceNow:
    addresses = {one.url: AddressNow(one.url, in_use=one.is_active and row.is_active) for one in row.addresses.all()}
    return ServiceNow(row.pk, row.name, row.is_active, addresses=addresses)


def _name_shops(addresses: Iterable[AddressNow]) -> None:
    ids = {tenant for address in addresses for tenant in address.blocked_tenants}
    slugs = dict(Tenant.objects.filter(pk__in=ids).values_list("pk", "slug")) if ids else {}
    for address in addresses:
        address.shops = sorted(slugs[tenant] for tenant in address.blocked_tenants if tenant in slugs)


def _processes(reports: Iterable[ServiceReport], now: datetime) -> Iterable[ProcessNow]:
    for report in reports:
        age = _age(report, now)
        yield ProcessNow(report.process, report.role, round(age), age <= FRESH_SECONDS)


def _age(report: ServiceReport, now: datetime) -> float:
    return max(0.0, (now - report.at).total_seconds())

"""Current status of the services, summed over the reports of all processes that call them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tenants.contrib.services.models import Service, ServiceReport
from tenants.contrib.services.stats import BOUNDS, quantile
from tenants.models import Tenant

FRESH_SECONDS = 15.0
"""Older reports are not counted."""


@dataclass(slots=True)
class AddressStatus:
    """One address, summed over all processes."""

    url: str
    active: bool = False
    reports: int = 0
    unhealthy: int = 0
    open: int = 0
    """Number of processes with an open or half-open circuit breaker."""
    in_flight: int = 0
    sockets: int = 0
    attempts: int = 0
    failures: int = 0
    blocked_tenants: set[int] = field(default_factory=set)
    """Ids of the tenants whose own circuit breaker is open."""
    tenants: list[str] = field(default_factory=list)
    """Their slugs."""

    def add(self, report: dict[str, Any]) -> None:
        self.reports += 1
        self.unhealthy += not report["healthy"]
        self.open += report["breaker"] != "closed"
        self.blocked_tenants.update(report.get("blocked_tenants", ()))  # missing in reports of older releases
        for name in ("in_flight", "sockets", "attempts", "failures"):
            setattr(self, name, getattr(self, name) + report[name])

    @property
    def state(self) -> tuple[str, str]:
        """Color of unfold, and text."""
        if not self.active:
            return "", _("inactive")
        if not self.reports:
            return "", _("no requests yet")
        if self.unhealthy:
            return "danger", _("unhealthy")
        if self.open:
            return "warning", _("circuit open")
        if self.blocked_tenants:
            return "warning", _("circuit open for some tenants")
        return "success", _("healthy")


@dataclass(slots=True)
class ServiceStatus:
    pk: int
    name: str
    is_active: bool
    rate: float = 0.0
    requests: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    addresses: dict[str, AddressStatus] = field(default_factory=dict)

    def add(self, report: dict[str, Any]) -> None:
        self.rate += report["rate"]
        self.requests += report["requests"]
        self.errors += report["errors"]
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, report["buckets"], strict=True)]
        for address in report["addresses"]:
            self.addresses.setdefault(address["url"], AddressStatus(address["url"])).add(address)

    @property
    def figures(self) -> list[tuple[str, str, bool]]:
        """Name, text, and whether to highlight it."""
        share = self.errors / self.requests if self.requests else 0.0
        return [
            (_("requests per second"), number_format(self.rate, decimal_pos=1), False),
            (_("errors"), f"{number_format(share * 100, decimal_pos=1)} %", share > 0.01),
            (_("p50 latency"), _duration(self.buckets, 0.5), False),
            (_("p99 latency"), _duration(self.buckets, 0.99), False),
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


class ProcessStatus(NamedTuple):
    process: str
    role: str
    age: int
    is_fresh: bool


def panel() -> dict[str, Any]:
    """Return the template context of `tenants/admin/service_status_panel.html`, by at most four queries."""
    now = timezone.now()
    reports = list(ServiceReport.objects.all())
    services = {row.name: _service(row) for row in Service.objects.prefetch_related("addresses")}
    for report in reports:
        if _age(report, now) <= FRESH_SECONDS:
            for name, facts in report.facts.items():
                if name in services:
                    services[name].add(facts)
    _set_slugs([address for service in services.values() for address in service.addresses.values()])
    return {"services": list(services.values()), "processes": list(_processes(reports, now))}


def _service(row: Service) -> ServiceStatus:
    addresses = {one.url: AddressStatus(one.url, active=one.is_active and row.is_active) for one in row.addresses.all()}
    return ServiceStatus(row.pk, row.name, row.is_active, addresses=addresses)


def _set_slugs(addresses: Iterable[AddressStatus]) -> None:
    ids = {tenant for address in addresses for tenant in address.blocked_tenants}
    slugs = dict(Tenant.objects.filter(pk__in=ids).values_list("pk", "slug")) if ids else {}
    for address in addresses:
        address.tenants = sorted(slugs[tenant] for tenant in address.blocked_tenants if tenant in slugs)


def _processes(reports: Iterable[ServiceReport], now: datetime) -> Iterable[ProcessStatus]:
    for report in reports:
        age = _age(report, now)
        yield ProcessStatus(report.process, report.role, round(age), age <= FRESH_SECONDS)


def _age(report: ServiceReport, now: datetime) -> float:
    return max(0.0, (now - report.at).total_seconds())

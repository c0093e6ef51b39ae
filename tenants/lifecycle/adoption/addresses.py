"""Slugs and domains of adopted tenants, from the hosts and schema names of the old project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tenants.conf import tenancy
from tenants.errors import InvalidHost, InvalidName
from tenants.hosts import normalize_host
from tenants.lifecycle.adoption.findings import Finding
from tenants.lifecycle.adoption.sources import Address, Candidate
from tenants.names import validate_slug


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How slugs are chosen."""

    from_domain: bool
    """The subdomain below the platform's host, if there is one; else, and without this, the schema's name."""
    given: Mapping[str, str]
    """Slugs by schema, from the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A candidate with the slug and the domains that it gets."""

    candidate: Candidate
    slug: str
    domains: tuple[tuple[str, bool], ...]
    """Custom domains, each with whether it is the primary one."""

    @property
    def schema(self) -> str:
        return self.candidate.schema


def plan_addresses(candidate: Candidate, naming: Naming) -> tuple[Planned, list[Finding]]:
    """Return a candidate's slug and domains, and what is wrong with them."""
    findings: list[Finding] = []
    subdomains: list[str] = []
    domains: list[tuple[str, bool]] = []
    for address in candidate.addresses:
        host = _host(candidate, address, findings)
        label = address.folder or _label(host)
        if label:
            subdomains.append(label)
        elif host in tenancy().platform_hosts or host == tenancy().base_domain:
            findings.append(_refused(candidate, f"its host {host} is the platform's", _HOST_RECIPE))
        elif host:
            domains.append((host, address.is_primary))
    slug = naming.given.get(candidate.schema) or _slug(candidate, naming, subdomains)
    findings += _findings_of_slug(candidate, slug, subdomains)
    return Planned(candidate=candidate, slug=slug, domains=tuple(domains)), findings


_HOST_RECIPE = (
    "Delete this row of the old project's domains, or choose another TENANTS['ORIGIN'] or TENANTS['PLATFORM_HOSTS']."
)


def _host(candidate: Candidate, address: Address, findings: list[Finding]) -> str:
    try:
        return normalize_host(address.host)
    except InvalidHost as error:
        findings.append(_refused(candidate, str(error).rstrip("."), "Correct or delete this row of the old domains."))
        return ""


def _label(host: str) -> str:
    """Return the slug of a subdomain of the platform, or of a name without a dot (a folder); else nothing."""
    label, _, parent = host.partition(".")
    return label if parent in {"", tenancy().base_domain} and host != tenancy().base_domain else ""


def _slug(candidate: Candidate, naming: Naming, subdomains: list[str]) -> str:
    if naming.from_domain and subdomains:
        return subdomains[0]
    return re.sub(r"[^a-z0-9]+", "-", candidate.schema.lower()).strip("-")


def _findings_of_slug(candidate: Candidate, slug: str, subdomains: list[str]) -> Iterator[Finding]:
    recipe = f"Give another slug: --slug {candidate.schema}=SLUG."
    try:
        validate_slug(slug, reserved=tenancy().all_reserved_slugs)
    except InvalidName as error:
        yield _refused(candidate, str(error).rstrip("."), recipe)
    base = tenancy().base_domain
    for label in subdomains:
        if label != slug:
            yield _refused(
                candidate,
                f"its host {label}.{base} would not answer: the slug is {slug!r}, and a tenant has one subdomain",
                f"Delete this row of the old project's domains, or take it as the slug: --slug "
                f"{candidate.schema}={label}.",
            )


def clashes(planned: Collection[Planned], slugs: Collection[str], hosts: Collection[str]) -> Iterator[Finding]:
    """Yield the slugs and hosts that two candidates want, or that a tenant has already."""
    by_slug: dict[str, str] = dict.fromkeys(slugs, "an existing tenant")
    by_host: dict[str, str] = dict.fromkeys(hosts, "an existing tenant")
    for each in planned:
        if holder := by_slug.get(each.slug):
            recipe = f"Give another slug: --slug {each.schema}=SLUG."
            yield _refused(each.candidate, f"the slug {each.slug!r} is that of {holder}", recipe)
        by_slug[each.slug] = f"schema {each.schema}"
        for host, _ in each.domains:
            if holder := by_host.get(host):
                recipe = "Delete one of the two domains first."
                yield _refused(each.candidate, f"the host {host!r} is that of {holder}", recipe)
            by_host[host] = f"schema {each.schema}"
        if sum(is_primary for _, is_primary in each.domains) > 1:
            yield _refused(each.candidate, "it has several primary domains", "Make one of them primary.")


def _refused(candidate: Candidate, what: str, next_step: str) -> Finding:
    return Finding(candidate.schema, what, next_step)

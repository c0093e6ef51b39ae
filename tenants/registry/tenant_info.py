"""`TenantInfo` from rows of the control plane: which queries read it, and what contrib apps add to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import Prefetch, Q, QuerySet
from django.db.models.expressions import BaseExpression

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.models import Domain, Tenant


class _Annotation(NamedTuple):
    """A field of `TenantInfo` that a contrib app reads along with the tenant."""

    expression: Callable[[], BaseExpression]
    convert: Callable[[Any], Any]


_annotations: dict[str, _Annotation] = {}


def add_field(name: str, expression: Callable[[], BaseExpression], convert: Callable[[Any], Any]) -> None:
    """Read the field `name` of `TenantInfo` with every tenant, in the same query.

    `expression` makes an annotation of a queryset of tenants, `convert` the field's value out of what it selects.
    """
    _annotations[name] = _Annotation(expression, convert)


def all_tenants(*conditions: Q, **filters: Any) -> list[TenantInfo]:
    """Return every tenant that the filters on `Tenant` select, by slug; two queries, nothing is cached."""
    with use_tenant(PLATFORM):
        return [info_of(tenant) for tenant in annotated_tenants().filter(*conditions, **filters)]


def annotated_tenants() -> QuerySet[Tenant]:
    """Return tenants with all that `info_of` needs."""
    # As a list: where Django keeps a queryset for each tenant, a thousand of them take as long as all the rest.
    primary = Prefetch("domains", Domain.objects.filter(is_primary=True), to_attr="primary_domains")
    annotations = {f"info_{name}": each.expression() for name, each in _annotations.items()}
    return Tenant.objects.annotate(**annotations).select_related("state").prefetch_related(primary)


def info_of(tenant: Tenant, *, has_related: bool = True) -> TenantInfo:
    """Return the value that represents a row of `Tenant` outside the control plane.

    `has_related=False`: the current transaction inserted it without domains or state, so nothing is queried.
    """
    config = tenancy()
    primary = _primary_host_of(tenant) if has_related else ""
    return TenantInfo(
        id=tenant.pk,
        slug=tenant.slug,
        schema=tenant.schema,
        role=tenant.role if config.role_per_tenant else "",
        name=tenant.name,
        server=tenant.server,
        variant=tenant.variant,
        status=str(tenant.status),
        language=tenant.language,
        currency=tenant.currency,
        time_zone=tenant.time_zone,
        host=primary or f"{tenant.slug}.{config.base_domain}",
        api_version=tenant.api_version,
        fingerprint=tenant.state.fingerprint if has_related and hasattr(tenant, "state") else "",
        notice=tenant.notice,
        bypass=tenant.bypass,
        cache_generation=tenant.cache_generation,
        epoch=tenant.epoch,
        limits=config.plan(tenant.plan).overridden(
            concurrency=tenant.max_concurrency,
            queue=tenant.max_queue,
            rate=tenant.max_rate,
            burst=tenant.max_burst,
            statement_seconds=tenant.max_statement_seconds,
        ),
        staff_second_factor=tenant.staff_second_factor,
        **(_added_fields(tenant) if has_related else {}),
    )


def _primary_host_of(tenant: Tenant) -> str:
    domains = tenant.primary_domains if hasattr(tenant, "primary_domains") else tenant.domains.all()
    return next((domain.host for domain in domains if domain.is_primary), "")


def _added_fields(tenant: Tenant) -> dict[str, Any]:
    names = [f"info_{name}" for name in _annotations]
    if not all(hasattr(tenant, name) for name in names):
        tenant = annotated_tenants().get(pk=tenant.pk)
    return {name: each.convert(getattr(tenant, f"info_{name}")) for name, each in _annotations.items()}

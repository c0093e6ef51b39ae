"""Creates the demo: control plane, operator and three shops with goods."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command

from shop.demo.fixtures import add_variant_data
from shop.demo.goods import fill_shop
from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.conf import tenancy
from tenants.contrib.mounts.models import Mount
from tenants.lifecycle import TenantSpec, create_tenant, set_variant
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.models import AuditEvent
from tenants.registry.lookup import tenant_by_slug

OPERATOR = "operator"
PRICE_LIST = "prices"
"""Path of the price list in the first shop."""
SHOPS = (
    TenantSpec(slug="acme", name="Acme Apparel", owner_email="owner@acme.example", currency="USD", language="en"),
    TenantSpec(
        slug="globex",
        name="Globex Home",
        owner_email="owner@globex.example",
        currency="USD",
        language="en",
        variant="customer_a",
    ),
    TenantSpec(
        slug="initech",
        name="이니텍 식료품",
        owner_email="owner@initech.example",
        currency="KRW",
        language="ko",
        variant="grocer",
    ),
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A URL of the demo, with the user and password for it."""

    what: str
    url: str
    user: str = ""
    password: str = ""


def prepare(data_dir: Path, say: Say) -> list[Login]:
    """Create what is missing and return the logins. Idempotent.

    Each step is one transaction or can be repeated: a run that was killed is completed by the next.
    """
    password = demo_password(data_dir)
    call_command("migrate", verbosity=0)
    _bring_up_to_date(say)
    _create_operator(password)
    tenants = [_open_shop(order, password, say) for order in SHOPS]
    _mount_price_list(tenants[0])
    return [*_platform_logins(password), *(login for tenant in tenants for login in _shop_logins(tenant, password))]


def demo_password(data_dir: Path) -> str:
    """Return the random password of the demo's users, created at the first run and kept in the data folder."""
    file = data_dir / "demo-password"
    if not file.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(f"{secrets.choice(['acorn', 'birch', 'cedar', 'maple'])}-{secrets.token_hex(4)}")
        draft.rename(file)
    return file.read_text()


def _bring_up_to_date(say: Say) -> None:
    _, behind = find_behind()
    for outcome in Run(behind, RunOptions()):
        say(f"{outcome.tenant.slug}: {outcome.error or 'migrated'}")


def _create_operator(password: str) -> None:
    with use_tenant(PLATFORM):
        if not User.objects.filter(username=OPERATOR).exists():
            User.objects.create_superuser(OPERATOR, f"{OPERATOR}@sangga.example", password)


def _open_shop(order: TenantSpec, password: str, say: Say) -> TenantInfo:
    try:
        tenant = tenant_by_slug(order.slug)
    except TenantNotFound:
        say(f"Opening {order.name} …")
        tenant = create_tenant(replace(order, owner_password=password))
    if tenant.variant != order.variant and not _was_changed(tenant, "variant"):
        say(f"{order.name} gets the variant {order.variant} …")
        tenant = set_variant(order.slug, order.variant).tenant
    with use_tenant(tenant):
        fill_shop(order.slug)
        add_variant_data()
    return tenant


def _was_changed(tenant: TenantInfo, action: str) -> bool:
    """Tell whether an operator, or an earlier run, has done this: the next run must not undo their choice."""
    with use_tenant(PLATFORM):
        return AuditEvent.objects.filter(tenant_id=tenant.id, action=action).exists()


def _mount_price_list(tenant: TenantInfo) -> None:
    if not _was_changed(tenant, "change mounts"):
        with use_tenant(PLATFORM):
            Mount.objects.get_or_create(
                tenant_id=tenant.id, path=PRICE_LIST, defaults={"app": "prices", "is_for_staff": False}
            )


def _platform_logins(password: str) -> list[Login]:
    config = tenancy()
    return [
        Login(what="Platform", url=config.url_of(config.base_domain)),
        Login(
            what="Platform admin",
            url=config.url_of(config.base_domain, "/admin/"),
            user=OPERATOR,
            password=password,
        ),
    ]


def _shop_logins(tenant: TenantInfo, password: str) -> list[Login]:
    config = tenancy()
    owner = next(order.owner_email for order in SHOPS if order.slug == tenant.slug)
    return [
        Login(what=tenant.name, url=config.url_of(tenant.host)),
        Login(what="Shop admin", url=config.url_of(tenant.host, "/admin/"), user=owner, password=password),
    ]

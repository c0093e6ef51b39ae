"""Contents of a tenant for comparison: its structure, rows, sequences and files."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from psycopg import sql

from shop.customers.models import Customer
from shop.goods.models import Goods, Picture, Sku
from shop.orders.models import Order, OrderLine
from tenants import TenantInfo, use_tenant
from tenants.contrib.devserver.binaries import find_bindir
from tenants.lifecycle.backup.pg_programs import environment
from tenants.postgresql import tenant_schemas as schemas

ODD_TEXT = "t_1.goods; COPY t_2.x FROM stdin;\n\\.\n'한국어'\t\\N\r\n\x7f"
"""A text that a careless parser of a dump would misread."""


def populate(tenant: TenantInfo, goods: int = 3) -> None:
    """Create goods with a picture, a customer with an order, a user, and a session."""
    with use_tenant(tenant):
        for number in range(goods):
            row = Goods.objects.create(
                name=f"Goods {number}", slug=f"goods-{number}", description=ODD_TEXT, tags=["a,b"]
            )
            sku = Sku.objects.create(goods=row, price="9.99", stock=5, option_values=[])
        name = default_storage.save("goods/picture 그림.png", ContentFile(os.urandom(3000)))
        Picture.objects.create(goods=row, file=name)
        user = User.objects.create_user("kim", "kim@shop.example", "correct horse", first_name="Min-su")
        customer = Customer.objects.create(
            name="Kim Min-su", email="kim@shop.example", phone="010-1234-5678", user=user
        )
        order = Order.objects.create(customer=customer, ship_to="12 Sejong-daero, Seoul", currency="KRW", total="9.99")
        OrderLine.objects.create(order=order, sku=sku, goods_name=row.name, unit_price="9.99", quantity=1)
        Sku.objects.create(goods=row, price="1", option_values=["gone"]).delete()  # the sequence is ahead of the rows
        session = SessionStore()
        session["_auth_user_id"] = str(user.pk)
        session.save()


def structure(tenant: TenantInfo) -> str:
    """Return pg_dump's output for a schema, without the names of schema and role."""
    params = connection.get_connection_params()
    command = [str(find_bindir() / "pg_dump"), "--no-owner", "--schema-only", "-n", tenant.schema]
    env = os.environ | environment(params)
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
    text = without_schema(text.replace(tenant.role, "ROLE"), tenant.schema)
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.M)


def without_schema(text: str, schema: str) -> str:
    """Return a text with a placeholder for a schema's name: `t_8`, but not that of `agent_8ea22282`."""
    return re.sub(rf"\b{schema}\b", "SCHEMA", text)


LEFT_OUT = ("django_session", "oauth_signingkey")
"""Tables in which a copy differs, or that it does not have."""


def rows(tenant: TenantInfo, without: tuple[str, ...] = LEFT_OUT) -> dict[str, list[str]]:
    """Return every row of every table as text, in an order that does not depend on storage."""
    with use_tenant(tenant.as_owner()), connection.cursor() as cursor:
        found: dict[str, list[str]] = {}
        for table in schemas.table_names(tenant.schema):
            if table not in without:
                cursor.execute(sql.SQL("SELECT x::text FROM {} x ORDER BY 1").format(sql.Identifier(table)))
                found[table] = [row for (row,) in cursor.fetchall()]
    return found


def sequences(tenant: TenantInfo) -> dict[str, Any]:
    """Return the position of each sequence."""
    with use_tenant(tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = %s", [tenant.schema])
        return dict(cursor.fetchall())


def files(tenant: TenantInfo) -> dict[str, bytes]:
    """Return the contents of every file below the tenant's folder."""
    folder = Path(settings.MEDIA_ROOT) / tenant.schema
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def contents(tenant: TenantInfo) -> tuple[Any, ...]:
    """Return everything that an exact copy of a shop must have, without sessions."""
    return structure(tenant), rows(tenant), sequences(tenant), files(tenant)

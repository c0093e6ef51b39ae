"""A project of another library: `make.py LIBRARY` makes 30 schemas with users, rows, files and domains.

The library makes the first of them. PostgreSQL's own programs copy it, which takes a tenth of the time.
"""

import os
import subprocess
import sys
from pathlib import Path

library = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = "project.plain" if library == "plain" else f"project.with_{library}"

import django

django.setup()

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.management import call_command

from shop.models import Goods, Tag

SCHEMAS = 30
FIRST = "shop_1"


def fill(name: str) -> None:
    """Give the active tenant an owner, goods with a picture, and a receipt."""
    owner = get_user_model().objects.create_superuser("owner", "owner@shop.example", f"password of {name}")
    goods = [Goods.objects.create(name=f"{name} {number}", keeper=owner) for number in range(3)]
    goods[0].picture.save("mug.txt", ContentFile(f"picture of {name}".encode()))
    Tag.objects.create(name="new").goods.set(goods)


def hosts(number: int) -> list[tuple[str, bool]]:
    """Return a subdomain for each, and for every third a primary domain."""
    is_custom = number % 3 == 0
    custom = [(f"www.shop{number}.example", True)] if is_custom else []
    return [(f"shop-{number}.moving.example", not is_custom), *custom]


def make(client, domain, active) -> None:
    get_user_model().objects.create_superuser("operator", "operator@moving.example", "password of operator")
    for number in range(1, SCHEMAS + 1):
        tenant = client(schema_name=f"shop_{number}", name=f"Shop {number}")
        tenant.auto_create_schema = number == 1
        tenant.save(verbosity=0)
        for host, is_primary in hosts(number):
            domain.objects.create(tenant=tenant, domain=host, is_primary=is_primary)
    with active(client.objects.get(schema_name=FIRST)):
        fill(FIRST)
        (password,) = get_user_model().objects.values_list("password", flat=True)
    copy(password)


def copy(password: str) -> None:
    """Copy the first schema, and its files, to all others."""
    bindir, url = os.environ["PG_BINDIR"], os.environ["DATABASE_URL"]
    dump = subprocess.run([f"{bindir}/pg_dump", "-n", FIRST, url], capture_output=True, text=True, check=True).stdout
    text = ""
    for number in range(2, SCHEMAS + 1):
        name = f"shop_{number}"
        text += dump.replace(password, make_password(f"password of {name}")).replace(FIRST, name)
        file = Path(settings.MEDIA_ROOT) / name / "pictures" / "mug.txt"
        file.parent.mkdir(parents=True)
        file.write_text(f"picture of {name}")
    psql = [f"{bindir}/psql", "-qX1", "-o", os.devnull, "-v", "ON_ERROR_STOP=1", url]
    subprocess.run(psql, input=text, text=True, check=True)


if library == "django_tenants":
    from customers.models import Client, Domain

    call_command("migrate_schemas", shared=True, verbosity=0)
    make(Client, Domain, lambda tenant: tenant)
elif library == "django_pgschemas":
    from customers_pg.models import Client, Domain

    call_command("migrate", schemas=["public"], verbosity=0)
    make(Client, Domain, lambda tenant: tenant)
else:
    call_command("migrate", verbosity=0)
    fill("single")

"""`manage.py export_goods SLUG FILE`: writes a shop's goods as a product CSV."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from shop.goods.exporter import export_goods
from tenants import TenantNotFound, use_tenant
from tenants.absolute_urls import absolute
from tenants.registry.lookup import tenant_by_slug


class Command(BaseCommand):
    help = "Export a shop's goods as a product CSV with Shopify's columns and the shop's own. import_goods reads it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="The slug of the shop.")
        parser.add_argument("file", metavar="FILE", help="The CSV file, in UTF-8; - for standard output.")

    def handle(self, *, slug: str, file: str, **options: Any) -> None:
        try:
            tenant = tenant_by_slug(slug)
        except TenantNotFound as error:
            raise CommandError(str(error)) from error
        with use_tenant(tenant):
            lines = export_goods(address=absolute)
            if file == "-":
                for line in lines:
                    self.stdout.write(line, ending="")
                return
            try:
                with Path(file).open("w", encoding="utf-8", newline="") as out:
                    out.writelines(lines)
            except OSError as error:
                raise CommandError(f"Cannot write {file}: {error.strerror}.") from error

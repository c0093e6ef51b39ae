"""`manage.py tenant_domains SLUG`: shows and changes a tenant's domains."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle import add_domain, remove_domain, set_primary_domain
from tenants.management.base import OneTenantCommand
from tenants.management.selection import selected_tenant
from tenants.models import Domain


class Command(OneTenantCommand):
    help = "Shows a tenant's domains; adds or removes one, or sets the primary one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--add", metavar="HOST", help="Add this domain.")
        parser.add_argument("--remove", metavar="HOST", help="Remove this domain.")
        parser.add_argument(
            "--primary", metavar="HOST", help="All other addresses redirect to this one; '' means the subdomain."
        )

    def handle(self, *, slug: str, **options: Any) -> None:
        if options["add"]:
            add_domain(slug, options["add"])
        if options["remove"]:
            remove_domain(slug, options["remove"])
        if options["primary"] is not None:
            set_primary_domain(slug, options["primary"])
        tenant = selected_tenant(slug)
        with use_tenant(PLATFORM):
            hosts = Domain.objects.filter(tenant_id=tenant.id).values_list("host", flat=True)
            for host in dict.fromkeys([tenant.host, *hosts]):
                self.stdout.write(f"{host}{' (primary)' if host == tenant.host else ''}")

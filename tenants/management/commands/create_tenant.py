"""`manage.py create_tenant SLUG`: creates a tenant."""

from __future__ import annotations

import getpass
import json
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.errors import in_one_line
from tenants.lifecycle import TenantSpec
from tenants.lifecycle.owner import create_with_link
from tenants.management.base import TenantCommand
from tenants.management.error_messages import explanation
from tenants.variants.discovery import known_variants

PASSWORD_VARIABLE = "SANGGA_OWNER_PASSWORD"  # noqa: S105  # the name of a variable, not a password


class Command(TenantCommand):
    help = (
        "Creates a tenant: schema, role, tables, setup steps and owner. On any error, nothing is created. The owner's "
        f"password is read from {PASSWORD_VARIABLE} or the terminal; without one, a link for setting it is printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        defaults = TenantSpec(slug="")
        parser.add_argument("slug", metavar="SLUG", help="The subdomain: acme for acme.localhost.")
        parser.add_argument("--name", default="", help="Default: the slug.")
        parser.add_argument("--owner-email", default="", help="The first user, a superuser of the tenant.")
        parser.add_argument(
            "--owner-field",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="Another field of the owner, which the User model requires. Can be repeated.",
        )
        parser.add_argument("--domain", default="", help="The primary domain.")
        parser.add_argument("--variant", default=defaults.variant, choices=sorted(known_variants()))
        parser.add_argument("--language", default=defaults.language, help="Default: %(default)s.")
        parser.add_argument("--currency", default=defaults.currency, help="ISO 4217; default: %(default)s.")
        parser.add_argument("--time-zone", default=defaults.time_zone, help="Default: %(default)s.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *, slug: str, owner_email: str, owner_field: list[str], **options: Any) -> None:
        fields = ("name", "domain", "variant", "language", "currency", "time_zone")
        password = self._password(owner_email)
        spec = TenantSpec(
            slug=slug,
            owner_email=owner_email,
            owner_password=password,
            owner_fields=dict(map(_pair, owner_field)),
            **{field: options[field] for field in fields},
        )
        try:
            tenant, link = create_with_link(spec)
        except Exception as error:  # of a migration or a step; --traceback shows where
            if explanation(error, "create_tenant"):
                raise
            raise CommandError(
                f"Creating tenant {slug!r} failed: {_cause(error)}. Nothing was created. Fix the cause, then run "
                f"create_tenant again."
            ) from error
        self._report(tenant, link, as_json=options["json"])

    def _password(self, owner_email: str) -> str | None:
        if not owner_email:
            return None
        password = os.environ.get(PASSWORD_VARIABLE)
        if password is None and sys.stdin.isatty():
            password = getpass.getpass(f"Password of {owner_email} (empty: print a link to set it): ") or None
        if password is not None:
            try:
                validate_password(password)
            except ValidationError as error:
                raise CommandError(f"The owner's password is not accepted: {' '.join(error.messages)}") from error
        return password

    def _report(self, tenant: TenantInfo, link: str, *, as_json: bool) -> None:
        url = tenancy().url_of(tenant.host)
        if as_json:
            facts = {"slug": tenant.slug, "name": tenant.name, "schema": tenant.schema, "url": url, "setup_link": link}
            self.stdout.write(json.dumps(facts, ensure_ascii=False))
            return
        self.success(f"Created {tenant.name}: {url} (schema {tenant.schema})")
        if link:
            self.stdout.write(f"Link for setting the owner's password: {link}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--owner-field takes NAME=VALUE, and {text!r} has no equals sign.")
    return name, value


def _cause(error: Exception) -> str:
    where = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    return f"{where}{in_one_line(error)}".rstrip(".")

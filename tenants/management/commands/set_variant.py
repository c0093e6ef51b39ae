"""`manage.py set_variant SLUG NAME`: changes a live tenant's variant."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle import set_variant
from tenants.management.arguments import seconds
from tenants.management.base import TenantCommand
from tenants.variants.discovery import known_variants


class Command(TenantCommand):
    help = (
        "Changes the variant of a live tenant. No rows are lost: those of the previous variant stay dormant until the "
        "tenant gets it back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="The tenant.")
        parser.add_argument(
            "variant", metavar="NAME", choices=sorted(known_variants()), help=" or ".join(known_variants())
        )
        parser.add_argument(
            "--mapping",
            action="append",
            default=[],
            metavar="[MODEL=]FILE",
            help="A CSV file with initial values of the variant's rows: the first column is a unique field, such as "
            "slug, the others are fields of the variant's MODEL. Can be repeated.",
        )
        parser.add_argument(
            "--lock-timeout", type=seconds, default=10.0, metavar="SECONDS", help="Default: %(default)s."
        )

    def handle(self, *, slug: str, variant: str, mapping: list[str], lock_timeout: float, **options: Any) -> None:
        files = dict(_model_and_file(text) for text in mapping)
        change = set_variant(slug, variant, mapping=files, lock_timeout=lock_timeout)
        if change.before == variant and not files:
            self.stdout.write(f"{slug} has the variant {variant} already.")
            return
        self.success(f"{slug} has the variant {variant}; before, it had {change.before}.")
        for line in change.lines:
            self.stdout.write(f"  {line}")


def _model_and_file(text: str) -> tuple[str, str]:
    model, separator, file = text.partition("=")
    return (model, file) if separator and model.isidentifier() else ("", text)

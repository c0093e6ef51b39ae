"""The kinds of operations that there are, and the function behind each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle import purge_tenant
from tenants.models import Tenant
from tenants.operations.migrate import migrate
from tenants.operations.work import Work

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Text


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work."""

    title: Text
    """How it is called on pages."""
    do: Callable[[Work], str]
    """Does it, and returns what came of it in words; has to be fit to be done again when it was cut short."""


def _purge(work: Work) -> str:
    if not (work.is_resumed and _is_gone(work)):
        purge_tenant(work.slug, work.progress)
    return ""


def _is_gone(work: Work) -> bool:
    """Tell whether an attempt that was cut short had done it all; a younger tenant of that slug is not meant."""
    with use_tenant(PLATFORM):
        return not Tenant.objects.filter(slug=work.slug, created_at__lte=work.operation.created_at).exists()


KINDS = {
    "migrate": Kind(_("Migrate tenants"), migrate),
    "purge": Kind(_("Purge a tenant"), _purge),
}
"""By the name that stands in `Operation.kind`."""

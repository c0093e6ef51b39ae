"""The probes that come with the engine, each made for the project at hand."""

from __future__ import annotations

from django.utils.module_loading import import_string

from tenants.conf import tenancy
from tenants.testing.probe import Probe
from tenants.testing.probes.credentials import handed_out_probes
from tenants.testing.probes.database import database_probes
from tenants.testing.probes.memory import memory_probes
from tenants.testing.probes.web import web_probes


def all_probes() -> list[Probe]:
    """Return every probe, the project's own (`TENANTS["ISOLATION_PROBES"]`) at the end."""
    own = [import_string(path) for path in tenancy().isolation_probes]
    return [*database_probes(), *memory_probes(), *handed_out_probes(), *web_probes(), *own]

"""The engine's probes, one for each cache, storage and app of the project."""

from __future__ import annotations

from django.utils.module_loading import import_string

from tenants.conf import tenancy
from tenants.testing.probe import Probe
from tenants.testing.probes.channels import channel_probes
from tenants.testing.probes.credentials import credential_probes
from tenants.testing.probes.database import database_probes
from tenants.testing.probes.memory import memory_probes
from tenants.testing.probes.web import web_probes


def all_probes() -> list[Probe]:
    """Return all probes; those of `TENANTS["ISOLATION_PROBES"]` are last."""
    own = [import_string(path) for path in tenancy().isolation_probes]
    return [*database_probes(), *memory_probes(), *channel_probes(), *credential_probes(), *web_probes(), *own]

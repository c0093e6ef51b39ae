"""Status reports: what each process has observed of services, in a table that the platform admin reads.

Gateways and services may run on many machines that the admin cannot reach. Each process overwrites its row every two
seconds; a row that is a minute old is deleted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from tenants.context import PLATFORM, use_tenant
from tenants.contrib.services.conf import service_settings
from tenants.contrib.services.endpoints import Endpoint
from tenants.contrib.services.models import ServiceReport
from tenants.contrib.services.upstreams import Upstream

logger = logging.getLogger(__name__)

MAX_AGE = timedelta(minutes=1)
"""Age at which a row is deleted."""
MAX_BLOCKED_TENANTS = 20
"""Tenants that a report names for each address."""


def build_report(upstreams: Iterable[Upstream]) -> dict[str, Any]:
    """Return what this process has observed of services, as JSON data."""
    return {
        upstream.service.name: {
            **upstream.stats.recent(),
            "addresses": [_endpoint_status(endpoint) for endpoint in upstream.endpoints],
        }
        for upstream in list(upstreams)
    }


def _endpoint_status(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "url": endpoint.info.url,
        "healthy": endpoint.is_healthy,
        "breaker": endpoint.breaker.state.value,
        "blocked_tenants": endpoint.blocked_tenants()[:MAX_BLOCKED_TENANTS],
        "in_flight": endpoint.in_flight,
        "sockets": endpoint.sockets,
        "attempts": endpoint.attempts,
        "failures": endpoint.failures,
    }


def save_report(role: str, report: dict[str, Any]) -> None:
    """Replace this process's report, and delete old ones."""
    row = ServiceReport(process=f"{socket.gethostname()}:{os.getpid()}", role=role, at=Now(), facts=report)
    with use_tenant(PLATFORM):
        ServiceReport.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["process"], update_fields=["role", "at", "facts"]
        )
        ServiceReport.objects.filter(at__lt=Now() - MAX_AGE).delete()


async def report_forever(role: str, upstreams: Callable[[], Iterable[Upstream]]) -> None:
    """Save a report at intervals, by a thread."""
    while seconds := service_settings().service_report_seconds:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(_try_to_save, role, build_report(upstreams()))


def _try_to_save(role: str, report: dict[str, Any]) -> None:
    try:
        save_report(role, report)
    except Exception as error:
        logger.warning("Status report of services not saved: %r", error)
    finally:
        connection.close()

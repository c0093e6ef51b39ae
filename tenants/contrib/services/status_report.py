"""What each process that calls services has seen of them, in a small table of the control plane.

In a table, and not asked from the processes: gateways and callers may be many, on many machines, and the operator's
admin shall reach none of them. One row a process, written over every two seconds; after a minute of silence it is gone.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from tenants.context import PLATFORM, use_tenant
from tenants.contrib.services.endpoints import Address
from tenants.contrib.services.models import ServiceReport
from tenants.contrib.services.upstreams import Upstream

logger = logging.getLogger(__name__)

KEPT = timedelta(minutes=1)
"""How long a row stays that nobody writes any more."""
MOST_NAMED = 20
"""Tenants that are named where an address is left alone by some."""


def facts_of(upstreams: Iterable[Upstream]) -> dict[str, Any]:
    """Return what a process has seen of services, fit for JSON."""
    return {
        upstream.service.name: {
            **upstream.tally.recent(),
            "addresses": [_facts_of_address(address) for address in upstream.addresses],
        }
        for upstream in list(upstreams)
    }


def _facts_of_address(address: Address) -> dict[str, Any]:
    return {
        "url": address.info.url,
        "healthy": address.is_healthy,
        "breaker": address.breaker.state.value,
        "left_alone_by": address.left_alone_by()[:MOST_NAMED],
        "in_flight": address.in_flight,
        "sockets": address.sockets,
        "attempts": address.attempts,
        "failures": address.failures,
    }


def write(role: str, facts: dict[str, Any]) -> None:
    """Write down what this process has seen, in the place of what it wrote before, and take old rows away."""
    row = ServiceReport(process=f"{socket.gethostname()}:{os.getpid()}", role=role, at=Now(), facts=facts)
    with use_tenant(PLATFORM):
        ServiceReport.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["process"], update_fields=["role", "at", "facts"]
        )
        ServiceReport.objects.filter(at__lt=Now() - KEPT).delete()


def write_and_hang_up(role: str, facts: dict[str, Any]) -> None:
    """Do the same on a thread that keeps no connection; whatever goes wrong, the next time is soon."""
    try:
        write(role, facts)
    except Exception as error:
        logger.warning("What was seen of services could not be written down: %r", error)
    finally:
        connection.close()

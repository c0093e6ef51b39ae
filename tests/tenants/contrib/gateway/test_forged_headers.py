"""Forged headers of clients never reach a service."""

from __future__ import annotations

import pytest

from tenants import TenantInfo
from tests.tenants.contrib.gateway.conftest import Front

FORGED = [
    "Sangga-Identity", "SANGGA-IDENTITY", "Sangga_Identity", "X-Sangga-User", "Sangga-Seconds-Left", "X-Forwarded-For",
    "X_Forwarded_For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything", "Forwarded", "Via", "X-Real-IP",
    "X-Request-ID", "traceparent", "tracestate", "baggage", "X-User-Id", "X-Tenant", "Remote-User", "Remote_User",
    "X-Auth-User", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Accel-Redirect", "TE", "Trailer",
    "Proxy-Authorization", "Proxy-Connection", "Keep-Alive", "Upgrade", "Client-IP", "X-Client-Cert",
]  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_what_a_client_may_not_say_never_arrives(shared_front: Front, shop: TenantInfo, name: str) -> None:
    answer = shared_front.raw(
        f"GET / HTTP/1.1\r\nHost: {shop.host}\r\n{name}: forged-by-client\r\nX-Own: kept\r\n"
        f"Connection: close\r\n\r\n".encode()
    )
    assert b" 200 OK" in answer
    assert b"kept" in answer
    assert b"forged-by-client" not in answer

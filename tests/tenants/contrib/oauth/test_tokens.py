from __future__ import annotations

import uuid
from datetime import timedelta

from tenants import TenantInfo, use_tenant
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.tokens import create_access_token, verify_token


def test_a_token_says_what_it_was_made_with(acme: TenantInfo) -> None:
    with use_tenant(acme):
        jti = uuid.uuid4()
        token = create_access_token(
            jti, client_id="c", user_id=5, scopes=["goods:read", "orders:read"], lifetime=timedelta(minutes=5)
        )
        claims = verify_token(token, key_cache.get())
    assert (claims.jti, claims.client_id, claims.user_id) == (jti.hex, "c", "5")
    assert claims.scopes == {"goods:read", "orders:read"}

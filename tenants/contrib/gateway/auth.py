"""As whom a request comes: what its token says. Told from memory; what is not there is asked for by a thread."""

from __future__ import annotations

from functools import partial

from aiohttp import hdrs, web

from tenants.context import TenantInfo, use_tenant
from tenants.contrib.gateway.async_lookup import Lookups
from tenants.contrib.gateway.errors import Refused
from tenants.contrib.oauth.api_keys import find_api_key, is_api_key, is_remembered
from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.key_cache import Ring, rings
from tenants.contrib.oauth.tokens import verify
from tenants.contrib.observability.principal import STRANGER, Principal
from tenants.contrib.services.types import ServiceInfo
from tenants.http.path_prefix import mounted_at


def token_of(request: web.BaseRequest) -> str:
    """Return the bearer token of a request, or an empty string."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def principal_of(token: str, tenant: TenantInfo, prefix: str, lookups: Lookups) -> Principal | None:
    """Return as whom a request comes that has this token; None: it is of a kind that a service tells by itself.

    `prefix` is the part of the path that names the tenant. Raises `Refused` (401) for a token that is void.
    """
    if not token:
        return STRANGER
    if tenant.is_platform or not (is_api_key(token) or token.count(".") == 2):
        return None
    ring = rings.remembered(tenant)
    try:
        if ring is not None and not _needs_a_query(token, tenant, ring):
            return _told_by(token, tenant, prefix, ring)
        return await lookups.in_time(partial(_told_by, token, tenant, prefix, None))
    except InvalidToken as refused:
        raise _challenge(401, refused.reason, "invalid_token") from refused


def _needs_a_query(token: str, tenant: TenantInfo, ring: Ring) -> bool:
    if not is_api_key(token):
        return False
    with use_tenant(tenant):
        return not is_remembered(token, ring)


def _told_by(token: str, tenant: TenantInfo, prefix: str, ring: Ring | None) -> Principal:
    with use_tenant(tenant), mounted_at(prefix):  # below a path, a tenant's issuer is another
        ring = ring or rings.ring()
        if is_api_key(token):
            key = find_api_key(token, ring)
            return Principal(user=str(key.user_id), client=key.name, scopes=key.scopes)
        claims = verify(token, ring)
        return Principal(user=claims.user_id or "", client=claims.client_id, scopes=claims.scopes)


def check_token_is_known(service: ServiceInfo, principal: Principal | None) -> None:
    """Raise `Refused` for a token that the gateway cannot tell, where the service is of another code base.

    A service of this code base may know it (`TENANTS["API_BEARERS"]`); to any other one it would be handed on as a
    secret of another place.
    """
    if principal is None and not service.runs_sangga:
        raise _challenge(401, "The token is not one of this shop.", "invalid_token")


def check_scopes(service: ServiceInfo, principal: Principal | None) -> None:
    """Raise `Refused` for whoever lacks a scope that the service asks for."""
    if not service.scopes:
        return
    if principal is None or not principal.is_known:
        raise _challenge(401, f"{service.name} asks for a token.")
    missing = " ".join(sorted(service.scopes - principal.scopes))
    if missing:
        raise _challenge(403, f"{service.name} asks for the scope {missing}.", "insufficient_scope", scope=missing)


def _challenge(status: int, detail: str, error: str = "", **parts: str) -> Refused:
    said = {"error": error, "error_description": detail, **parts} if error else {}
    words = ", ".join(f'{name}="{value}"' for name, value in said.items())
    headers = {"WWW-Authenticate": f"Bearer {words}".strip()}
    return Refused(status, detail, kind=error.replace("_", "-"), headers=headers)

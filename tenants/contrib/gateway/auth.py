"""Authentication of requests by bearer token or API key, from memory where possible."""

from __future__ import annotations

from functools import partial

from aiohttp import hdrs, web

from tenants.context import TenantInfo, use_tenant
from tenants.contrib.gateway.async_lookup import AsyncLookup
from tenants.contrib.gateway.errors import GatewayError
from tenants.contrib.gateway.routing import Route
from tenants.contrib.oauth.api_keys import find_api_key, is_api_key, is_cached
from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.key_cache import TenantKeys, key_cache
from tenants.contrib.oauth.tokens import verify_token
from tenants.contrib.observability.principal import ANONYMOUS, Principal
from tenants.contrib.services.types import ServiceInfo
from tenants.http.path_prefix import override_script_prefix


async def authenticate(request: web.BaseRequest, route: Route, lookup: AsyncLookup) -> Principal | None:
    """Return the principal of a request; None: only the service can verify the token.

    Raises `GatewayError` for an invalid token (401) and for a missing scope (403).
    """
    principal = await _principal(_token(request), route.tenant, route.tenant_prefix, lookup)
    if principal is None and not route.service.runs_sangga:
        # A service of another code base would get a secret of another system.
        raise _challenge(401, "The token was not issued by this shop.", "invalid_token")
    _check_scopes(route.service, principal)
    return principal


def _token(request: web.BaseRequest) -> str:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _principal(token: str, tenant: TenantInfo, prefix: str, lookup: AsyncLookup) -> Principal | None:
    if not token:
        return ANONYMOUS
    if tenant.is_platform or not (is_api_key(token) or token.count(".") == 2):
        return None  # `TENANTS["API_BEARERS"]` of the service may know it
    keys = key_cache.get_cached(tenant)
    try:
        principal = None if keys is None else _principal_in_memory(token, tenant, prefix, keys)
        if principal is None:
            principal = await lookup.run(partial(_principal_in_database, token, tenant, prefix))
        return principal
    except InvalidToken as error:
        raise _challenge(401, error.reason, "invalid_token") from error


def _principal_in_memory(token: str, tenant: TenantInfo, prefix: str, keys: TenantKeys) -> Principal | None:
    """Return the principal of a token; None where the database has to be queried."""
    with use_tenant(tenant), override_script_prefix(prefix):  # the issuer of a tenant below a path has that path
        return None if is_api_key(token) and not is_cached(token, keys) else _verified(token, keys)


def _principal_in_database(token: str, tenant: TenantInfo, prefix: str) -> Principal:
    with use_tenant(tenant), override_script_prefix(prefix):
        return _verified(token, key_cache.get())


def _verified(token: str, keys: TenantKeys) -> Principal:
    if is_api_key(token):
        key = find_api_key(token, keys)
        return Principal(user=str(key.user_id), client=key.name, scopes=key.scopes)
    claims = verify_token(token, keys)
    return Principal(user=claims.user_id or "", client=claims.client_id, scopes=claims.scopes)


def _check_scopes(service: ServiceInfo, principal: Principal | None) -> None:
    if not service.scopes:
        return
    if principal is None or not principal.is_authenticated:
        raise _challenge(401, f"{service.name} requires a bearer token.")
    missing = " ".join(sorted(service.scopes - principal.scopes))
    if missing:
        raise _challenge(403, f"{service.name} requires the scope {missing}.", "insufficient_scope", scope=missing)


def _challenge(status: int, detail: str, error: str = "", **parts: str) -> GatewayError:
    values = {"error": error, "error_description": detail, **parts} if error else {}
    challenge = ", ".join(f'{name}="{value}"' for name, value in values.items())
    headers = {"WWW-Authenticate": f"Bearer {challenge}".strip()}
    return GatewayError(status, detail, kind=error.replace("_", "-"), headers=headers)

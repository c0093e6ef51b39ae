"""As whom a request comes: what its token says, told without a query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from tenants.context import TenantInfo
from tenants.errors import TenancyError
from tenants.gateway.refusals import Refused
from tenants.services.facts import ServiceInfo
from tenants.services.identity import STRANGER, Principal

Verify = Callable[[str, TenantInfo], Awaitable["Principal | None"]]
"""Tells as whom a token lets come to a tenant; None: it is of a kind that the services tell by themselves.

Raises an error of the engine's, with the reason, for a token that is void."""


async def verify_none(token: str, tenant: TenantInfo) -> Principal | None:
    """Know no kind of token."""
    return None


def token_of(request: web.BaseRequest) -> str:
    """Return the bearer token of a request, or an empty string."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def principal_of(token: str, tenant: TenantInfo, verify: Verify) -> Principal | None:
    """Return as whom a request comes; None: its token is for the service to tell. Raises `Refused` for a void one."""
    if not token:
        return STRANGER
    try:
        return await verify(token, tenant)
    except TenancyError as error:
        raise _challenge(401, f"The token is refused: {error}", "invalid_token") from error


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
    said = {"error": error, **parts} if error else parts
    words = ", ".join(f'{name}="{value}"' for name, value in said.items())
    return Refused(
        status, detail, kind=error.replace("_", "-"), headers={"WWW-Authenticate": f"Bearer {words}".strip()}
    )

"""Access tokens: JWTs (RFC 9068) that the tenant's key signs, verified from memory."""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.issuer import issuer
from tenants.contrib.oauth.key_cache import TenantKeys
from tenants.contrib.oauth.keys import ALGORITHM, signing_pair

TYPE = "at+jwt"
"""`typ` in the header, which tells access tokens from ID tokens."""
_MAX_LENGTH = 8_192
"""Characters; our tokens have about 700."""
_CLOCK_SKEW = 10
"""Seconds by which the clock of the signing server may be ahead."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims of a verified access token."""

    jti: str
    client_id: str
    user_id: str | None
    """None: the client acts for itself."""
    scopes: frozenset[str]
    issued: int
    """Seconds since 1970."""
    expires: int


def sign_token(claims: dict[str, Any], *, typ: str, lifetime: timedelta) -> str:
    """Return a JWT of the active tenant with these claims, `iss`, `iat`, `exp` and `epoch`."""
    now = int(time.time())
    pair = signing_pair()
    claims = {
        "iss": issuer(),
        "iat": now,
        "exp": now + int(lifetime.total_seconds()),
        "epoch": pair.generation,
        **claims,
    }
    header = {"alg": ALGORITHM, "kid": pair.kid, "typ": typ}
    return jwt.encode(header, claims, pair.key, algorithms=[ALGORITHM])


def create_access_token(
    jti: uuid.UUID, *, client_id: str, user_id: object | None, scopes: Iterable[str], lifetime: timedelta
) -> str:
    """Return an access token of the active tenant; the caller stores its row."""
    claims = {
        "aud": issuer(),
        # RFC 9068: without a user, the subject is the client.
        "sub": client_id if user_id is None else str(user_id),
        "client_id": client_id,
        "jti": jti.hex,
        "scope": " ".join(scopes),
    }
    return sign_token(claims, typ=TYPE, lifetime=lifetime)


def verify_token(token: str, keys: TenantKeys) -> Claims:
    """Return the claims of an access token of the active tenant, without a query. Raises `InvalidToken`."""
    header, claims = _parse(token)
    if claims.get("iss") != issuer():
        # Not verified yet, but good enough for an error message.
        raise InvalidToken("Wrong issuer: the token is from another shop, or from another address of this one.")
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
        raise InvalidToken(f"Not an access token: its header needs typ {TYPE} and alg {ALGORITHM}.")
    kid = header.get("kid")
    if not isinstance(kid, str) or kid not in keys.public_keys:
        raise InvalidToken("Unknown signing key.")
    key, generation = keys.public_keys[kid]
    try:
        jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise InvalidToken("Invalid signature.") from error
    return _checked(claims, generation, keys)


def _parse(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the unverified header and claims."""
    parts = token.split(".")
    if len(token) > _MAX_LENGTH or len(parts) != 3:
        raise InvalidToken("The token was not issued by this shop.")
    header, claims = (_decode_part(part) for part in parts[:2])
    return header, claims


def _decode_part(part: str) -> dict[str, Any]:
    try:
        read = json.loads(base64.urlsafe_b64decode(part.encode("ascii") + b"=="))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidToken("The token was not issued by this shop.") from error
    if not isinstance(read, dict):
        raise InvalidToken("The token was not issued by this shop.")
    return read


def _checked(claims: dict[str, Any], generation: str, keys: TenantKeys) -> Claims:
    """Return the claims if they are valid now. Their signature is verified, so all of them are present."""
    now = time.time()
    if claims["exp"] <= now:
        raise InvalidToken("Token expired.")
    if claims["iat"] > now + _CLOCK_SKEW:
        raise InvalidToken("Issued in the future: the clocks of the servers differ.")
    if claims["aud"] != issuer() or claims["epoch"] != generation:
        raise InvalidToken("Wrong audience or signing key.")
    if claims["jti"] in keys.revoked:
        raise InvalidToken("Token revoked.")
    return Claims(
        jti=claims["jti"],
        client_id=claims["client_id"],
        user_id=None if claims["sub"] == claims["client_id"] else claims["sub"],
        scopes=frozenset(claims["scope"].split()),
        issued=claims["iat"],
        expires=claims["exp"],
    )

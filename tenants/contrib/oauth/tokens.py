"""Access tokens: JWTs as RFC 9068 has them, signed with the tenant's key and verified from memory."""

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
"""What stands in the header, so that no identity token passes for an access token."""
_LONGEST = 8_192
"""Characters that are looked at; ours have about 700."""
_CLOCKS_DIFFER = 10
"""Seconds by which the clock of the machine that signed may be ahead."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says."""

    jti: str
    client_id: str
    user_id: str | None
    """None: the client acts for itself."""
    scopes: frozenset[str]
    issued: int
    """Seconds since 1970."""
    expires: int


def sign_token(claims: dict[str, Any], *, typ: str, lifetime: timedelta) -> str:
    """Return a token of the active tenant with these claims, its issuer, and its times."""
    now = int(time.time())
    pair = signing_pair()
    said = {
        "iss": issuer(),
        "iat": now,
        "exp": now + int(lifetime.total_seconds()),
        "epoch": pair.generation,
        **claims,
    }
    header = {"alg": ALGORITHM, "kid": pair.kid, "typ": typ}
    return jwt.encode(header, said, pair.key, algorithms=[ALGORITHM])


def create_access_token(
    jti: uuid.UUID, *, client_id: str, user_id: object | None, scopes: Iterable[str], lifetime: timedelta
) -> str:
    """Return an access token of the active tenant; the caller writes down that it gave it out."""
    claims = {
        "aud": issuer(),
        # RFC 9068: of a client that acts for itself, the subject is the client.
        "sub": client_id if user_id is None else str(user_id),
        "client_id": client_id,
        "jti": jti.hex,
        "scope": " ".join(scopes),
    }
    return sign_token(claims, typ=TYPE, lifetime=lifetime)


def verify_token(token: str, keys: TenantKeys) -> Claims:
    """Return what an access token of the active tenant says; asks nobody. Raises `InvalidToken` with the reason."""
    header, said = _peek(token)
    if said.get("iss") != issuer():
        # What it says of itself is not proved yet, and good enough to tell somebody why it will not do.
        raise InvalidToken("It was issued by another shop, or for another address of this one.")
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
        raise InvalidToken(f"It is no access token: that has the type {TYPE} and is signed with {ALGORITHM}.")
    kid = header.get("kid")
    if not isinstance(kid, str) or kid not in keys.public_keys:
        raise InvalidToken("It is signed with a key that is not, or no longer, this shop's.")
    key, generation = keys.public_keys[kid]
    try:
        jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise InvalidToken("Its signature is wrong.") from error
    return _checked(said, generation, keys)


def _peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims as they stand there, of which nothing is proved."""
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3:
        raise InvalidToken("The token was not issued by this shop.")
    header, claims = (_json_of(part) for part in parts[:2])
    return header, claims


def _json_of(part: str) -> dict[str, Any]:
    try:
        read = json.loads(base64.urlsafe_b64decode(part.encode("ascii") + b"=="))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidToken("The token was not issued by this shop.") from error
    if not isinstance(read, dict):
        raise InvalidToken("The token was not issued by this shop.")
    return read


def _checked(said: dict[str, Any], generation: str, keys: TenantKeys) -> Claims:
    """Read claims whose signature is ours, and so are as we wrote them, unless they are of another kind of token."""
    now = time.time()
    if said["exp"] <= now:
        raise InvalidToken("It has expired.")
    if said["iat"] > now + _CLOCKS_DIFFER:
        raise InvalidToken("It was issued in the future: clocks differ too much.")
    if said["aud"] != issuer() or said["epoch"] != generation:
        raise InvalidToken("It is not meant for this.")
    if said["jti"] in keys.revoked:
        raise InvalidToken("It has been revoked.")
    return Claims(
        jti=said["jti"],
        client_id=said["client_id"],
        user_id=None if said["sub"] == said["client_id"] else said["sub"],
        scopes=frozenset(said["scope"].split()),
        issued=said["iat"],
        expires=said["exp"],
    )

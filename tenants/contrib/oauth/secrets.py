"""Random secrets with a prefix for secret scanners and a checksum, and their hash.

They have 238 random bits, so a fast hash is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import zlib

_ALPHABET = string.digits + string.ascii_letters
_LENGTH = 40
_CHECKSUM_LENGTH = 6
_SHA256 = "sha256$"


def new_secret(prefix: str) -> str:
    """Return a secret: the prefix, 40 random characters and a checksum."""
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return body + _checksum(body)


def is_well_formed(secret: str, prefix: str) -> bool:
    """Return whether prefix, length and checksum are right, which costs no query."""
    body, check = secret[:-_CHECKSUM_LENGTH], secret[-_CHECKSUM_LENGTH:]
    has_format = (
        secret.startswith(prefix) and len(secret) == len(prefix) + _LENGTH + _CHECKSUM_LENGTH and secret.isascii()
    )
    return has_format and hmac.compare_digest(check, _checksum(body))


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text


def hash_secret(secret: str) -> str:
    """Return the stored hash of a client secret."""
    return _SHA256 + hashlib.sha256(secret.encode()).hexdigest()


def check_secret(secret: str, stored: str) -> bool:
    return stored.startswith(_SHA256) and hmac.compare_digest(hash_secret(secret), stored)

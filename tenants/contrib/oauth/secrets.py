"""Secrets that are given out: long random texts that a scanner knows by their prefix, and a fast hash of them.

They are as random as a key, so nobody can try them all, and a slow hash would only be a cost.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import zlib

_ALPHABET = string.digits + string.ascii_letters
_RANDOM = 40
"""Characters of 62 kinds: 238 bits."""
_CHECK = 6
_SHA256 = "sha256$"


def new_secret(prefix: str) -> str:
    """Return a secret: the prefix, 40 random characters, and a checksum by which a slip or a made-up one is told."""
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_well_formed(secret: str, prefix: str) -> bool:
    """Tell whether `secret` could have been made here; costs no look into the database."""
    body, check = secret[:-_CHECK], secret[-_CHECK:]
    right_shape = secret.startswith(prefix) and len(secret) == len(prefix) + _RANDOM + _CHECK and secret.isascii()
    return right_shape and hmac.compare_digest(check, _checksum(body))


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text


def hash_secret(secret: str) -> str:
    """Return what is kept of a client's secret."""
    return _SHA256 + hashlib.sha256(secret.encode()).hexdigest()


def check_secret(given: str, kept: str) -> bool:
    """Tell whether `given` is the secret of which `kept` is kept. Nothing is, where none is kept."""
    return kept.startswith(_SHA256) and hmac.compare_digest(hash_secret(given), kept)

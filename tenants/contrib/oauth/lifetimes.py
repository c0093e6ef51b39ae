"""Lifetimes of tokens, from `OAUTH2_PROVIDER`."""

from __future__ import annotations

from datetime import timedelta

from oauth2_provider.settings import oauth2_settings


def access_token_lifetime() -> timedelta:
    return timedelta(seconds=oauth2_settings.ACCESS_TOKEN_EXPIRE_SECONDS)


def id_token_lifetime() -> timedelta:
    return timedelta(seconds=oauth2_settings.ID_TOKEN_EXPIRE_SECONDS)


def longest_lifetime() -> timedelta:
    """Return how long a key has to verify after its last signature."""
    return max(access_token_lifetime(), id_token_lifetime())

"""What an API's OpenAPI document says of `/api/token` and `/api/protected`, which all versions share."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from tenants.conf import tenancy

_TOKEN_FORM = {
    "type": "object",
    "required": ["username", "password"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["password"]},
        "username": {"type": "string", "minLength": 1},
        "password": {"type": "string", "format": "password", "minLength": 1},
        "otp": {"type": "string", "description": "The code of a second factor, for accounts that have one."},
        "scope": {"type": "string", "description": "Scopes with spaces between; without it, all of the API's."},
    },
}
_TOKEN = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": {"type": "string"},
        "token_type": {"type": "string", "enum": ["bearer"]},
        "expires_in": {"type": "integer", "description": "Seconds."},
        "scope": {"type": "string"},
    },
}
_WHOSE = {
    "type": "object",
    "required": ["username", "shop", "scopes"],
    "properties": {
        "username": {"type": "string"},
        "shop": {"type": "string"},
        "scopes": {"type": "array", "items": {"type": "string"}},
    },
}
_PATHS: dict[str, dict[str, Any]] = {
    "oauth:password-token": {
        "post": {
            "operationId": "create_token",
            "summary": "Create Token",
            "description": "Give a token for a user's name and password, for programs that the shop writes itself.",
            "tags": ["tokens"],
            "requestBody": {
                "required": True,
                "content": {"application/x-www-form-urlencoded": {"schema": _TOKEN_FORM}},
            },
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": _TOKEN}}},
                "400": {"description": "The grant_type or a scope is not one of this address"},
                "401": {"description": "The name, the password or the code is wrong"},
                "422": {"description": "The name or the password is missing"},
            },
        }
    },
    "oauth:protected": {
        "get": {
            "operationId": "whose_token",
            "summary": "Whose Token",
            "description": "Tell whose token it is that is sent, or why it is none.",
            "tags": ["tokens"],
            "security": [{"bearer": []}],
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": _WHOSE}}},
                "401": {"description": "The token is void"},
            },
        }
    },
}


def add_token_paths(document: dict[str, Any]) -> None:
    """Add both addresses to an OpenAPI document; `bearer` is one of its security schemes."""
    for name, operations in _PATHS.items():
        document["paths"][reverse(name, urlconf=tenancy().tenant_urlconf)] = operations

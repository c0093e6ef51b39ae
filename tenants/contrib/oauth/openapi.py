"""Paths `/api/token` and `/api/protected` for the OpenAPI documents of all versions."""

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
        "otp": {"type": "string", "description": "Code of two-factor authentication, for accounts that use it."},
        "scope": {"type": "string", "description": "Scopes separated by spaces; by default all scopes of the API."},
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
_TOKEN_OWNER = {
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
            "description": "Returns a token for a username and password, for programs of the shop itself.",
            "tags": ["tokens"],
            "requestBody": {
                "required": True,
                "content": {"application/x-www-form-urlencoded": {"schema": _TOKEN_FORM}},
            },
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": _TOKEN}}},
                "400": {"description": "Unsupported grant_type or unknown scope"},
                "401": {"description": "Incorrect username, password or code"},
                "422": {"description": "Username or password is missing"},
            },
        }
    },
    "oauth:protected": {
        "get": {
            "operationId": "whose_token",
            "summary": "Whose Token",
            "description": "Returns the user and scopes of the token, or why it is invalid.",
            "tags": ["tokens"],
            "security": [{"bearer": []}],
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": _TOKEN_OWNER}}},
                "401": {"description": "Invalid token"},
            },
        }
    },
}


def add_token_paths(document: dict[str, Any]) -> None:
    """Add both paths to an OpenAPI document that has the security scheme `bearer`."""
    for name, operations in _PATHS.items():
        document["paths"][reverse(name, urlconf=tenancy().tenant_urlconf)] = operations

"""The setting MAILERS of Django 6.1, which replaces EMAIL_BACKEND and related settings."""

from __future__ import annotations

from typing import Any

_OPTIONS = {
    "smtp": {
        "EMAIL_HOST": "host",
        "EMAIL_PORT": "port",
        "EMAIL_HOST_USER": "username",
        "EMAIL_HOST_PASSWORD": "password",
        "EMAIL_USE_TLS": "use_tls",
        "EMAIL_USE_SSL": "use_ssl",
    },
    "filebased": {"EMAIL_FILE_PATH": "file_path"},
}
"""Options by backend and setting. A backend raises an error for an unknown option."""


def mailers_of(email: dict[str, Any]) -> dict[str, Any]:
    """Return MAILERS for the settings that django-environ reads from EMAIL_URL."""
    backend = email["EMAIL_BACKEND"]
    options = _OPTIONS.get(backend.split(".")[-2], {})
    return {
        "default": {"BACKEND": backend, "OPTIONS": {options[name]: email[name] for name in options if email.get(name)}}
    }

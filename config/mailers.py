"""Where e-mail goes, as Django has it from 6.1 on: in one setting, MAILERS, and not in EMAIL_BACKEND and its like."""

from __future__ import annotations

from typing import Any

_TAKEN = {
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
"""What a backend calls what it takes; it refuses whatever it does not know."""


def mailers_of(email: dict[str, Any]) -> dict[str, Any]:
    """Return MAILERS for what django-environ has read out of EMAIL_URL."""
    backend = email["EMAIL_BACKEND"]
    taken = _TAKEN.get(backend.split(".")[-2], {})
    return {"default": {"BACKEND": backend, "OPTIONS": {taken[name]: email[name] for name in taken if email.get(name)}}}

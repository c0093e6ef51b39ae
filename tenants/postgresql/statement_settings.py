"""SQL of a tenant's settings: search path, role and statement timeout."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from tenants.conf import tenancy
from tenants.settings_cache import on_setting_change

PREAMBLE = re.compile(
    r'^SET LOCAL search_path = "(?:[^"]|"")*", "(?:[^"]|"")*", pg_temp; SET LOCAL ROLE (?:NONE|"(?:[^"]|"")*");'
    r"(?: [^\n]*;)?\n"
)
"""Matches what `preamble` returns at the beginning of a text."""


class TenantSettings(NamedTuple):
    """The settings as one text in front of a statement, and one by one for a pipeline."""

    each: tuple[str, ...]
    text: str
    encoded: bytes

    @classmethod
    def of(cls, *each: str) -> TenantSettings:
        # On a line apart: PostgreSQL's errors quote the line that has the error, and so the statement without these.
        text = "; ".join(each) + ";\n"
        return cls(each, text, text.encode())


def preamble(schema: str, role: str, seconds: int = 0) -> str:
    """Return the settings that run a statement in `schema` as `role` (empty: as the user who logs in).

    With `seconds`, PostgreSQL cancels the statement, and later ones of its transaction, if they take longer.
    """
    return settings_for(schema, role, seconds).text


@lru_cache(maxsize=4096)
def settings_for(schema: str, role: str, seconds: int) -> TenantSettings:
    timeout = (f"SET LOCAL statement_timeout = '{seconds:d}s'",) if seconds else ()
    return TenantSettings.of(*_path_and_role(schema, role), *timeout)


@lru_cache(maxsize=256)
def settings_replacing(schema: str, role: str, seconds: int, sent: tuple[int, ...], by_code: bool) -> TenantSettings:
    """Return the settings where one of the timeouts `sent`, or one that other code set, may be in force."""
    return TenantSettings.of(*_path_and_role(schema, role), _changed_timeout(seconds, sent, by_code=by_code))


def _path_and_role(schema: str, role: str) -> tuple[str, str]:
    return f"SET LOCAL search_path = {search_path(schema)}", f"SET LOCAL ROLE {_quoted(role) if role else 'NONE'}"


def search_path(schema: str) -> str:
    """Return a tenant's search path: its schema, the schema of the extensions, and temporary tables last."""
    return f"{_quoted(schema)}, {_quoted(tenancy().extension_schema)}, pg_temp"


for _cached in (settings_for, settings_replacing):
    on_setting_change(_cached.cache_clear, "TENANTS")


def _changed_timeout(seconds: int, sent: tuple[int, ...], *, by_code: bool) -> str:
    """Return the statement that replaces a timeout; one that other code set and that is shorter stays."""
    if not by_code:
        return f"SET LOCAL statement_timeout = '{seconds:d}s'" if seconds else "SET LOCAL statement_timeout = DEFAULT"
    now = "current_setting('statement_timeout')::interval"
    is_ours = f"{now} = ANY('{{{','.join(f'{each:d} s' for each in sent)}}}'::interval[])"
    if seconds:
        given = f"SELECT set_config('statement_timeout', '{seconds:d}s', true)"
        return f"{given} WHERE {is_ours} OR {now} NOT BETWEEN '1 ms' AND '{seconds:d} s'"
    usual = "(SELECT reset_val FROM pg_settings WHERE name = 'statement_timeout')"
    return f"SELECT set_config('statement_timeout', {usual}, true) WHERE {is_ours}"


def _quoted(name: str) -> str:
    """Return an SQL identifier as `psycopg.sql.Identifier` does, at a tenth of the cost."""
    if "\0" in name:
        raise ValueError(f"Quoting the name {name!r} failed: PostgreSQL's names cannot have a NUL.")
    return '"' + name.replace('"', '""') + '"'

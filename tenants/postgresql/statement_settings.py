"""The settings that put a statement into a tenant's schema with the rights of its role, as SQL."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from django.core.signals import setting_changed

from tenants.conf import tenancy

PREAMBLE = re.compile(
    r'^SET LOCAL search_path = "(?:[^"]|"")*", "(?:[^"]|"")*", pg_temp; SET LOCAL ROLE (?:NONE|"(?:[^"]|"")*");'
    r"(?: [^\n]*;)?\n"
)
"""What `preamble` returns, to be recognised in a text that begins with it."""


class TenantSettings(NamedTuple):
    """TenantSettings as they are sent: in front of a statement, or in a pipeline each by itself."""

    each: tuple[str, ...]
    text: str
    encoded: bytes

    @classmethod
    def of(cls, *each: str) -> TenantSettings:
        # Its own line: PostgreSQL's errors quote the line they are about, which then is the statement's alone.
        text = "; ".join(each) + ";\n"
        return cls(each, text, text.encode())


def preamble(schema: str, role: str, seconds: int = 0) -> str:
    """Return the settings that put a statement into `schema` with the rights of `role` (empty: the user's own).

    With `seconds`, statements that take longer are cancelled: this one, and those after it in its transaction.
    """
    return settings_for(schema, role, seconds).text


@lru_cache(maxsize=4096)
def settings_for(schema: str, role: str, seconds: int) -> TenantSettings:
    """Return the settings of `preamble`, as they are sent."""
    limit = (f"SET LOCAL statement_timeout = '{seconds:d}s'",) if seconds else ()
    return TenantSettings.of(*_path_and_role(schema, role), *limit)


@lru_cache(maxsize=256)
def settings_replacing(schema: str, role: str, seconds: int, told: tuple[int, ...], by_hand: bool) -> TenantSettings:
    """Return the settings where limits of `told` seconds may be in force, or one that was set by hand."""
    return TenantSettings.of(*_path_and_role(schema, role), _changed_limit(seconds, told, by_hand=by_hand))


def _path_and_role(schema: str, role: str) -> tuple[str, str]:
    return f"SET LOCAL search_path = {search_path(schema)}", f"SET LOCAL ROLE {_quoted(role) if role else 'NONE'}"


def search_path(schema: str) -> str:
    """Return where a tenant's statements look: its schema, then that of the extensions, and temporary tables last."""
    return f"{_quoted(schema)}, {_quoted(tenancy().extension_schema)}, pg_temp"


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        settings_for.cache_clear()
        settings_replacing.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.postgresql.statement_settings")


def _changed_limit(seconds: int, told: tuple[int, ...], *, by_hand: bool) -> str:
    """Return the setting of a limit where others were told before, or the limit may have been set `by_hand`.

    A stricter limit than the tenant's that was set by hand is kept.
    """
    if not by_hand:
        return f"SET LOCAL statement_timeout = '{seconds:d}s'" if seconds else "SET LOCAL statement_timeout = DEFAULT"
    now = "current_setting('statement_timeout')::interval"
    is_ours = f"{now} = ANY('{{{','.join(f'{each:d} s' for each in told)}}}'::interval[])"
    if seconds:
        given = f"SELECT set_config('statement_timeout', '{seconds:d}s', true)"
        return f"{given} WHERE {is_ours} OR {now} NOT BETWEEN '1 ms' AND '{seconds:d} s'"
    usual = "(SELECT reset_val FROM pg_settings WHERE name = 'statement_timeout')"
    return f"SELECT set_config('statement_timeout', {usual}, true) WHERE {is_ours}"


def _quoted(name: str) -> str:
    """Return an SQL identifier: what psycopg's `sql.Identifier` comes to, at a tenth of the cost."""
    if "\0" in name:
        raise ValueError(f"PostgreSQL takes no name with a NUL in it: {name!r}")
    return '"' + name.replace('"', '""') + '"'

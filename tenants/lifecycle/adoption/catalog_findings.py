"""Findings about schemas from PostgreSQL's catalog: names, references to other schemas, owners, extensions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from tenants.conf import tenancy
from tenants.lifecycle.adoption import catalog
from tenants.lifecycle.adoption.catalog import Crossing, ForeignKey
from tenants.lifecycle.adoption.findings import Finding

_ENGINES_OWN = re.compile(r"(?:verify_)?t_\d+")
_NO_FOLDER = re.compile(r"[/\\\0]|^\.\.?$")
_PUBLIC = "public"


def has_engines_name(schema: str) -> bool:
    """Return whether a schema is called as tenants' schemas are."""
    return bool(_ENGINES_OWN.fullmatch(schema))


def name_findings(schema: str) -> Iterator[Finding]:
    rename = f'Rename it first: ALTER SCHEMA "{schema}" RENAME TO "old_{schema}".'
    if has_engines_name(schema):
        yield Finding(schema, "its name has the form of the engine's own schemas", rename)
    elif schema == tenancy().extension_schema:
        yield Finding(schema, "it is the schema of extensions", "Choose another TENANTS['EXTENSION_SCHEMA'].")
    elif _NO_FOLDER.search(schema):
        yield Finding(schema, "its name is unsafe as the name of a folder", "Rename it and its folder of files first.")


def reference_findings(
    schemas: Collection[str], crossings: Collection[Crossing], copied: Collection[str]
) -> Iterator[Finding]:
    """Yield what crosses the border of a schema, or names it in a text; but for keys to `copied` tables of `public`."""
    adopted = frozenset(schemas)
    for key in catalog.foreign_keys_across(schemas):
        if key.other == _PUBLIC and key.other_table in copied:
            continue
        yield _of_foreign_key(key, adopted)
    for crossing in crossings:
        if not crossing.extension:
            yield _of_dependency(crossing, adopted)
    for schema, what in catalog.texts_naming_schema(schemas):
        yield Finding(
            schema,
            f"the {what.replace(f'{schema}.', '')} names the schema in its text, and would not follow the new name",
            "Write names without the schema: the tenant's search path has it.",
        )


def _of_foreign_key(key: ForeignKey, adopted: frozenset[str]) -> Finding:
    if key.schema in adopted:
        return Finding(
            key.schema,
            f"the foreign key {key.table}.{key.column} points to {key.other}.{key.other_table}",
            "Copy that table into the tenant's schema (--copy APP, or docs/moving.md, Tables that only public has), or "
            "drop the key and keep the id.",
        )
    return Finding(
        key.other,
        f"the foreign key {key.schema}.{key.table}.{key.column} points to its table {key.other_table}",
        "Drop the key and keep the id.",
    )


def _of_dependency(crossing: Crossing, adopted: frozenset[str]) -> Finding:
    if crossing.schema in adopted:
        what = crossing.what.replace(f"{crossing.schema}.", "")
        return Finding(
            crossing.schema,
            f"its {what} needs {_qualified(crossing.needs, crossing.other)}",
            "Move or copy what it needs into the schema, or drop the dependent object.",
        )
    return Finding(
        crossing.other,
        f"{_qualified(crossing.what, crossing.schema)} in schema {crossing.schema} depends on it",
        "It keeps working, and is dropped when the tenant is purged.",
        blocks=False,
    )


def _qualified(what: str, schema: str) -> str:
    # PostgreSQL leaves out the schemas of the search path, of which `public` is one here.
    kind, _, name = what.rpartition(" ")
    return what if schema != _PUBLIC or "." in name else f"{kind} {schema}.{name}"


def kind_findings(schemas: Collection[str]) -> Iterator[Finding]:
    """Yield foreign tables, and objects of owners whose rights the login does not have."""
    for schema, table in catalog.foreign_tables(schemas):
        yield Finding(schema, f"{table} is a foreign table, which clones and backups cannot copy", "Drop or copy it.")
    for schema, owner in catalog.owners_out_of_reach(schemas):
        yield Finding(
            schema,
            f"objects in it belong to {owner}, whose rights the database user does not have",
            f'Grant them as a superuser: GRANT "{owner}" TO the user in DATABASES, who must inherit them.',
        )


def login_findings() -> Iterator[Finding]:
    """Yield what the user of the database may not do."""
    if tenancy().role_per_tenant and (user := catalog.user_without_createrole()):
        yield Finding(
            _PUBLIC,
            f"the database user {user} may not create roles, and each tenant gets one",
            f'Run as a superuser: ALTER USER "{user}" CREATEROLE. Or set TENANTS["ROLE_PER_TENANT"] = False.',
        )


def movable_extensions(schemas: Collection[str], crossings: Collection[Crossing]) -> tuple[list[str], list[Finding]]:
    """Return the extensions to move to where all tenants find them, and those that cannot be moved.

    Those in `public` move even if no table needs them: a query may, and no tenant's search path has `public`.
    """
    needed: dict[str, str] = {}
    for crossing in crossings:
        if crossing.extension:
            needed.setdefault(crossing.extension, crossing.schema)
    moving, findings = [], []
    ours = tenancy().extension_schema
    for each in catalog.installed_extensions():
        is_inside = each.schema == _PUBLIC or each.schema in schemas
        if each.schema == ours or not (is_inside or each.name in needed):
            continue
        statement = f'ALTER EXTENSION "{each.name}" SET SCHEMA "{ours}"'
        where = needed.get(each.name, each.schema)
        if not each.is_movable:
            what = f"the extension {each.name} is in schema {each.schema} and cannot be moved to {ours}"
            next_step = f'Create it again in schema "{ours}", or leave the schemas out that need it.'
            findings.append(Finding(where, what, next_step, blocks=each.name in needed or each.schema in schemas))
        elif not is_inside:
            what = f"the extension {each.name} is in schema {each.schema}"
            findings.append(Finding(where, what, f"Set TENANTS['EXTENSION_SCHEMA'] to it, or run: {statement}."))
        elif not each.is_owned:
            findings.append(Finding(where, f"the extension {each.name} has another owner", f"Run as it: {statement}."))
        else:
            moving.append(each.name)
    return moving, findings

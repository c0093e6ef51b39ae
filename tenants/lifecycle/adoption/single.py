"""A project in schema `public` alone as the first tenant: which objects move to its schema, and the move."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.isolation.app_placement import variant_app_labels
from tenants.lifecycle import audit
from tenants.lifecycle.adoption import catalog
from tenants.lifecycle.adoption.addresses import Planned
from tenants.lifecycle.adoption.adopt import insert_adopted, take_over
from tenants.lifecycle.adoption.catalog_findings import login_findings, movable_extensions
from tenants.lifecycle.adoption.files import take_files
from tenants.lifecycle.adoption.findings import Finding
from tenants.lifecycle.adoption.public import public_history
from tenants.lifecycle.adoption.public_objects import Edge, Thing, objects_of_public
from tenants.lifecycle.adoption.record_findings import MIGRATIONS, record_findings, tables_of_models
from tenants.lifecycle.adoption.records import tables_by_app
from tenants.lifecycle.adoption.sources import PUBLIC
from tenants.lifecycle.adoption.survey import ADOPTED, adopted_schemas
from tenants.lifecycle.create import TenantSpec
from tenants.lifecycle.files import remove_orphaned_files
from tenants.lifecycle.locking import wrap_errors
from tenants.migrator.history import SchemaHistory
from tenants.models import AuditEvent
from tenants.models.code_release import Key
from tenants.postgresql import tenant_schemas as schemas
from tenants.variants.discovery import DEFAULT

_COPY_RECORDS = """
INSERT INTO {}.django_migrations (app, name, applied)
SELECT app, name, applied FROM public.django_migrations WHERE app = ANY(%(labels)s) ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What moves from `public` to the tenant's schema."""

    things: tuple[Thing, ...]
    labels: frozenset[str]
    """The apps whose records move."""
    extensions: tuple[str, ...]
    """The extensions that move to `TENANTS["EXTENSION_SCHEMA"]`."""
    findings: tuple[Finding, ...]


def adopted_project() -> str:
    """Return the slug of the tenant that the project in `public` has become; empty: none."""
    with use_tenant(PLATFORM):
        if PUBLIC not in adopted_schemas():
            return ""
        return AuditEvent.objects.filter(action=ADOPTED, detail__schema=PUBLIC)[0].slug


def plan_move(move: Collection[str] = (), leave: Collection[str] = ()) -> Move:
    """Return what moves, and what stands in the way.

    The tables of TENANT_APPS and COMMON_APPS move. So do views, functions, types and other tables that are connected
    with those alone. `move` and `leave` are patterns of names of what is connected with nothing.
    """
    labels = variant_app_labels(DEFAULT)
    with use_tenant(PLATFORM):
        tables = catalog.tables_of([PUBLIC]).get(PUBLIC, frozenset())
        applied = public_history(tables)
        things, edges = objects_of_public()
        extensions, findings = movable_extensions([], [])
        findings += [*login_findings(), *_findings_of_records(applied, tables, labels)]
        naming_public = catalog.texts_naming_schema([PUBLIC])
    claims = _Claims(_tables_of(applied, labels), _tables_of(applied, None), move, leave)
    moving, more = _sort(things, edges, claims)
    findings += [*more, *_findings_of_texts(moving, naming_public), *_findings_of_patterns(things, move, leave)]
    return Move(things=tuple(moving), labels=labels, extensions=tuple(extensions), findings=tuple(findings))


class _Claims:
    """To which side an object belongs by its name."""

    def __init__(
        self, moving: frozenset[str], all_tables: frozenset[str], move: Collection[str], leave: Collection[str]
    ) -> None:
        self.moving = moving
        self.staying = all_tables - moving | {MIGRATIONS}
        self.move = move
        self.leave = leave

    def side(self, thing: Thing) -> str:
        """Return `tenant`, `public`, or nothing for an object that no app and no option claims."""
        is_table = "table" in thing.kind
        if (is_table and thing.name in self.moving) or _matches(thing.name, self.move):
            return "tenant"
        if (is_table and thing.name in self.staying) or _matches(thing.name, self.leave):
            return "public"
        return ""


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _tables_of(applied: frozenset[Key], labels: frozenset[str] | None) -> frozenset[str]:
    """Return the tables of apps, of all for None: as recorded, and as the code has them."""
    both = [*tables_by_app(applied).items(), *tables_of_models().items()]
    return frozenset(name for label, names in both for name in names if labels is None or label in labels)


def _findings_of_records(applied: frozenset[Key], tables: frozenset[str], labels: frozenset[str]) -> Iterator[Finding]:
    own = (tables & _tables_of(applied, labels)) | {MIGRATIONS}
    for what, next_step, blocks in record_findings(applied or None, own, frozenset(), frozenset()):
        yield Finding(PUBLIC, what, next_step, blocks)


def _findings_of_texts(moving: list[Thing], naming_public: list[tuple[str, str]]) -> Iterator[Finding]:
    """Yield the functions and triggers among what moves that name `public` in their text."""
    names = {thing.name for thing in moving}
    for _, what in naming_public:
        if names & set(re.findall(r"\w+", what)):
            yield Finding(
                PUBLIC,
                f"the {what} names schema public in its text, and moves to the tenant",
                "Write names without the schema: the tenant's search path has it.",
            )


def _findings_of_patterns(things: list[Thing], move: Collection[str], leave: Collection[str]) -> Iterator[Finding]:
    """Yield the patterns of names that match nothing, such as mistyped ones."""
    for option, patterns in (("--move", move), ("--leave", leave)):
        for pattern in patterns:
            if not any(fnmatchcase(thing.name, pattern) for thing in things):
                yield Finding(
                    PUBLIC, f"{option} {pattern!r} matches nothing in it", "Correct the name, or leave it out."
                )


def _sort(things: list[Thing], edges: Iterable[Edge], claims: _Claims) -> tuple[list[Thing], list[Finding]]:
    """Return the objects that move, and what connects both sides or neither."""
    side = {thing.key: claims.side(thing) for thing in things}
    neighbours: dict[str, set[str]] = defaultdict(set)
    findings = []
    named = {thing.key: f"{thing.kind} {thing.name}" for thing in things}
    for one, other in edges:
        if one in side and other in side:
            neighbours[one].add(other)
            neighbours[other].add(one)
            if {side[one], side[other]} == {"tenant", "public"}:
                findings.append(_torn(named[one], named[other], side[one]))
    moving = []
    for thing in things:
        sides = {side[thing.key]} if side[thing.key] else _reached(thing.key, side, neighbours)
        if sides == {"tenant"}:
            moving.append(thing)
        elif sides != {"public"}:
            findings.append(_undecided(named[thing.key], thing, sides))
    return moving, findings


def _reached(start: str, side: dict[str, str], neighbours: dict[str, set[str]]) -> set[str]:
    """Return the sides that an unclaimed object is connected with through other unclaimed ones."""
    seen, queue, sides = {start}, [start], set()
    while queue:
        for key in neighbours[queue.pop()] - seen:
            seen.add(key)
            if side[key]:
                sides.add(side[key])
            else:
                queue.append(key)
    return sides


def _torn(one: str, other: str, side: str) -> Finding:
    moves, stays = (one, other) if side == "tenant" else (other, one)
    return Finding(
        PUBLIC,
        f"the {one} depends on the {other}, but the {moves} moves to the tenant and the {stays} stays",
        "Put both apps in TENANT_APPS or in SHARED_APPS, or drop the dependency and keep the id.",
    )


def _undecided(named: str, thing: Thing, sides: set[str]) -> Finding:
    what = "belongs to apps of both sides" if sides else "belongs to no app"
    return Finding(PUBLIC, f"the {named} {what}", f"Decide: --move '{thing.name}' or --leave '{thing.name}'.")


def adopt_project(planned: Planned, move: Move, defaults: TenantSpec, folder: Path) -> TenantInfo:
    """Move the project's objects into the schema of a new tenant and return it; on any error, nothing has changed.

    The control plane has no tables of COMMON_APPS then, until its next migration creates them: accounts are those of
    the tenant. Raises `TenantExists`, `SchemaExists` or `OperationFailed`.
    """
    with wrap_errors("Adopting schema public"), ExitStack() as undo:
        with use_tenant(PLATFORM), transaction.atomic():
            tenant = insert_adopted(planned, defaults)
            undo.callback(remove_orphaned_files, tenant)
            schemas.create_schema(tenant)
            _move(move, tenant)
            take_over(tenant)
            with use_tenant(tenant.as_owner()):
                SchemaHistory.read(tenant).record()
            files = take_files(tenant, folder)
            audit.record(ADOPTED, tenant, schema=PUBLIC, files=files)
        undo.pop_all()  # committed: the files belong to a tenant now
    return tenant


def _move(move: Move, tenant: TenantInfo) -> None:
    with use_tenant(tenant.as_owner()), connection.schema_editor() as editor:
        editor.create_model(MigrationRecorder(connection).Migration)
    target, labels = sql.Identifier(tenant.schema), {"labels": list(move.labels)}
    with connection.cursor() as cursor:
        for thing in move.things:
            cursor.execute(sql.SQL("ALTER {} SET SCHEMA {}").format(sql.SQL(f"{thing.kind} {thing.identity}"), target))
        cursor.execute(sql.SQL(_COPY_RECORDS).format(target), labels)
        cursor.execute("DELETE FROM public.django_migrations WHERE app = ANY(%(labels)s)", labels)

"""Which migrations are recorded once and sent to all schemas, and which run again for each."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from django.db import connection, migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

from tenants import TenantInfo, use_tenant
from tenants.migrator.replayable import is_replayable
from tests.written_migrations import WriteMigrations

OpenShop = Callable[..., TenantInfo]

FIXED = models.CharField(max_length=50, default="blank")
NULLABLE = models.CharField(max_length=50, null=True)
RANDOM = models.CharField(max_length=50, default=secrets.token_hex)
RANDOM_OR_NULL = models.CharField(max_length=50, default=secrets.token_hex, null=True)


class LikeAlterField(migrations.AlterField):
    """A third-party operation with unknown effects."""


def sends(before: models.Field, *operations: Operation) -> bool:  # type: ignore[type-arg]
    state = ProjectState()
    state.add_model(ModelState("ledger", "Account", [("id", models.AutoField(primary_key=True)), ("token", before)]))
    migration = Migration("0002", "ledger")
    migration.operations = list(operations)
    return is_replayable(migration, state)


def alter(field: models.Field) -> migrations.AlterField:  # type: ignore[type-arg]
    return migrations.AlterField("account", "token", field)


@pytest.mark.parametrize("before", [FIXED, RANDOM, RANDOM_OR_NULL, NULLABLE])
def test_a_default_that_fills_in_no_rows_does_not_matter(before: models.Field) -> None:  # type: ignore[type-arg]
    assert sends(before, alter(RANDOM_OR_NULL))
    assert sends(before, alter(RANDOM)) is not before.null


def test_a_random_default_of_a_new_field_does() -> None:
    assert sends(FIXED, migrations.AddField("account", "key", FIXED))
    assert not sends(FIXED, migrations.AddField("account", "key", RANDOM))


def test_among_others_an_alteration_is_not_told_from_what_was_there_before() -> None:
    assert not sends(FIXED, alter(NULLABLE), alter(RANDOM))


def test_third_party_operation_is_not_replayed() -> None:
    assert not sends(FIXED, LikeAlterField("account", "token", RANDOM))


def test_models_of_python_code_stay_when_a_later_migration_changes_them(
    open_shop: OpenShop, write_migrations: WriteMigrations
) -> None:
    """The cached state was the one that the next migration changed: the second tenant did not get the constraint."""
    write_migrations(
        "0006_unique",
        "RunPython(lambda apps, editor: None, RunPython.noop),\nAlterUniqueTogether('entry', {('account', 'amount')}),",
    )
    write_migrations("0007_not_unique", "AlterUniqueTogether('entry', set()),")
    first, second = open_shop(), open_shop()
    assert recorded(first) == recorded(second)
    assert ("ledger", "0007_not_unique") in recorded(second)


def recorded(tenant: TenantInfo) -> list[tuple[str, str]]:
    with use_tenant(tenant):
        return list(MigrationRecorder(connection).migration_qs.order_by("id").values_list("app", "name"))

"""`manage.py migrate_tenants` and its relatives, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions
from tenants.models import SchemaState
from tenants.postgresql.direct import connect_directly

OpenShop = Callable[..., TenantInfo]


def said(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=out, **options)
    return out.getvalue()


def set_back(shops: list[TenantInfo], migration: str = "0003") -> list[str]:
    list(Run(shops, RunOptions(targets=tuple(chosen_targets("ledger", migration)))))
    return [shop.slug for shop in shops]


def spoil(shop: TenantInfo) -> None:
    """Give a shop rows that migration 0004 cannot take."""
    with use_tenant(shop), connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_account (name) VALUES ('cash')")
        cursor.execute(
            "INSERT INTO ledger_entry (account_id, text, code, amount) "
            "SELECT id, 'x', '', 1 FROM ledger_account, generate_series(1, 2)"
        )


def test_check_and_plan_change_nothing(open_shop: OpenShop) -> None:
    slugs = set_back([open_shop() for _ in range(3)])
    for _ in range(2):
        with pytest.raises(CommandError, match="3 of 3 tenants are behind"):
            said("migrate_tenants", tenant=slugs, check=True)
        plan = said("migrate_tenants", tenant=slugs, plan=True)
        assert "3 tenants (" in plan
        assert [line.strip() for line in plan.splitlines()[1:]] == [
            "ledger.0004_entry_once",
            "ledger.0005_entry_by_amount",
        ]
    assert "0 failed" in said("migrate_tenants", tenant=slugs)
    assert "All 3 tenants are up to date" in said("migrate_tenants", tenant=slugs, check=True)
    assert "Nothing to do" in said("migrate_tenants", tenant=slugs, plan=True)


def test_a_server_that_goes_away_at_the_end_is_told_as_such(open_shop: OpenShop) -> None:
    slugs = set_back([open_shop() for _ in range(2)])
    with connect_directly() as other, pytest.raises(CommandError, match=r"before all of it was on disk .* Run: manage"):
        pid = connection.connection.info.backend_pid

        class Cutting(StringIO):
            def write(self, text: str) -> int:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
                return super().write(text)

        call_command("migrate_tenants", tenant=slugs, stdout=Cutting())
    connection.close()
    assert "All 2 tenants are up to date" in said("migrate_tenants", tenant=slugs, check=True)


def test_json_lines_tell_every_outcome_and_the_sum(open_shop: OpenShop) -> None:
    slugs = set_back([open_shop() for _ in range(2)])
    *outcomes, total = map(json.loads, said("migrate_tenants", tenant=slugs, json=True).splitlines())
    assert sorted(outcome["tenant"] for outcome in outcomes) == sorted(slugs)
    assert all(outcome["outcome"] == "migrated" and len(outcome["applied"]) == 2 for outcome in outcomes)
    assert total == {"migrated": 2, "failed": 0, "elsewhere": 0, "up_to_date": 0, "not_begun": 0}


def test_a_failing_canary_keeps_the_others_from_beginning(open_shop: OpenShop) -> None:
    shops = sorted((open_shop() for _ in range(3)), key=lambda shop: shop.slug)
    slugs = set_back(shops)
    spoil(shops[0])
    with pytest.raises(CommandError, match=rf"Failed: {slugs[0]}\. 2 tenants were not begun\..*--retry"):
        said("migrate_tenants", tenant=slugs, canary=1)
    with pytest.raises(CommandError, match="3 of 3 tenants are behind"):
        said("migrate_tenants", tenant=slugs, check=True)


def test_too_many_failures_stop_the_run(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(4)]
    slugs = set_back(shops)
    for shop in shops:
        spoil(shop)
    with pytest.raises(CommandError, match="2 tenants were not begun"):
        said("migrate_tenants", tenant=slugs, max_failures=2, jobs=1)


def test_retry_takes_up_only_what_failed(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(3)]
    slugs = set_back(shops)
    spoil(shops[1])
    with pytest.raises(CommandError):
        said("migrate_tenants", tenant=slugs)
    with use_tenant(PLATFORM):
        state = SchemaState.objects.get(tenant_id=shops[1].id)
        assert (state.outcome, "entry_once" in state.error, state.seconds > 0) == ("failed", True, True)
    with use_tenant(shops[1]), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_entry")
    assert f"{slugs[1]}: " in said("migrate_tenants", tenant=slugs, retry=True)
    with use_tenant(PLATFORM):
        state.refresh_from_db()
        assert (state.outcome, state.error) == ("migrated", "")


def test_the_matrix_shows_how_far_each_app_is(open_shop: OpenShop) -> None:
    slugs = set_back([open_shop()], "0002")
    assert "0002 +3" in said("show_tenant_migrations", tenant=slugs)
    (row,) = json.loads(said("show_tenant_migrations", tenant=slugs, json=True))
    assert row["apps"]["ledger"] == {"last": "0002_entry_code", "missing": 3}
    assert row["apps"]["auth"]["missing"] == 0


def test_a_variant_is_migrated_alone(open_shop: OpenShop) -> None:
    plain, *lamps = (open_shop(variant=variant) for variant in ("default", "customer_a", "customer_a"))
    slugs = set_back([plain, *lamps])
    assert "2 migrated, 0 failed" in said("migrate_tenants", "--variant", "customer_a", tenant=slugs)
    with pytest.raises(CommandError, match=rf"1 of 3 tenants are behind: {plain.slug}\."):
        said("migrate_tenants", tenant=slugs, check=True)
    assert "1 migrated, 0 failed" in said("migrate_tenants", "--variant", "default", tenant=slugs)
    assert "All 3 tenants are up to date" in said("migrate_tenants", tenant=slugs, check=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "no app 'nothing'"),
        (["ledger", "9"], "no migration '9'"),
        (["ledger", "000"], "Several migrations"),
        (["--variant", "nothing"], "'nothing'.*choose from.*'customer_a'"),
    ],
)
def test_what_is_not_there_is_said_so(committed: None, words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        said("migrate_tenants", *words)
    with pytest.raises(CommandError, match="no tenant 'nobody'"):
        said("migrate_tenants", tenant=["nobody"])

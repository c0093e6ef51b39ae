"""`manage.py migrate_tenants` and related commands."""

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
from tenants.errors import MigrationFailed
from tenants.lifecycle import set_variant
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.apply import migrate_tenant
from tenants.migrator.graph import chosen_targets
from tenants.migrator.history import SchemaHistory
from tenants.migrator.runner import Run, RunOptions
from tenants.migrator.verify import verify
from tenants.models import SchemaState
from tenants.postgresql.direct_connection import connect_directly

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
    with (
        connect_directly() as other,
        pytest.raises(CommandError, match="before all migrations were on disk"),
    ):
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
    assert total == {"migrated": 2, "failed": 0, "locked": 0, "up_to_date": 0, "not_started": 0}


def test_a_failing_canary_keeps_the_others_from_beginning(open_shop: OpenShop) -> None:
    shops = sorted((open_shop() for _ in range(3)), key=lambda shop: shop.slug)
    slugs = set_back(shops)
    spoil(shops[0])
    again = "".join(f" --tenant {slug}" for slug in slugs)
    with pytest.raises(CommandError, match=rf"Failed: {slugs[0]}\. 2 tenants were not started\..*tenants{again}$"):
        said("migrate_tenants", tenant=slugs, canary=1)
    with pytest.raises(CommandError, match="3 of 3 tenants are behind"):
        said("migrate_tenants", tenant=slugs, check=True)


def test_too_many_failures_stop_the_run(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(4)]
    slugs = set_back(shops)
    for shop in shops:
        spoil(shop)
    with pytest.raises(CommandError, match="2 tenants were not started"):
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
        (["nothing"], "No app with migrations has the label 'nothing'"),
        (["ledger", "9"], "no migration '9'"),
        (["ledger", "000"], "Several migrations"),
        (["--variant", "nothing"], "'nothing'.*choose from.*'customer_a'"),
    ],
)
def test_unknown_names_are_reported(committed: None, words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        said("migrate_tenants", *words)
    with pytest.raises(CommandError, match="Unknown tenant: 'nobody'"):
        said("migrate_tenants", tenant=["nobody"])


# --- Progress output


def last_words(*words: str, **options: Any) -> tuple[str, str]:
    """Return what the command ends with, and the command that it says to run next."""
    try:
        text = said("migrate_tenants", *words, **options).splitlines()[-1]
    except CommandError as error:
        text = str(error)
    return text, text.partition("run: ")[2] or text.partition("Run: ")[2]


@pytest.mark.parametrize("options", [{"canary": 1}, {"max_failures": 1, "jobs": 1}])
def test_the_advice_after_a_stop_takes_up_all_that_are_left(open_shop: OpenShop, options: dict[str, int]) -> None:
    """Fault 17: `--retry` left out the shops that were not begun."""
    shops = [open_shop() for _ in range(4)]
    slugs = set_back(shops)
    spoil(shops[0])
    text, again = last_words(tenant=slugs, **options)
    assert "were not started" in text
    with use_tenant(shops[0]), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_entry")
    assert last_words(*again.split()[2:])[0].startswith("4 migrated, 0 failed")


def test_the_advice_keeps_the_app_and_the_selection(open_shop: OpenShop) -> None:
    """Fault 17: the next command goes to where this one went, for the tenants that this one was for."""
    shop = open_shop()
    set_back([shop])
    spoil(shop)
    words = ["ledger", "0004", "--tenant", shop.slug, "--variant", "default"]
    assert last_words(*words)[1] == f"manage.py migrate_tenants {' '.join(words)} --retry"
    assert last_words(*words[2:], "--check")[1] == f"manage.py migrate_tenants {' '.join(words[2:])}"


def test_a_retry_says_how_many_others_are_behind(open_shop: OpenShop) -> None:
    """Fault 17: "1 migrated, 0 failed" sounded as if all was well."""
    shops = [open_shop() for _ in range(3)]
    slugs = set_back(shops)
    spoil(shops[0])
    last_words("ledger", "0004", tenant=slugs[:1])
    with use_tenant(shops[0]), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_entry")
    text, again = last_words("--retry", tenant=slugs)
    assert text.startswith("1 migrated, 0 failed, 0 were up to date. 2 others are behind.")
    assert again == "manage.py migrate_tenants" + "".join(f" --tenant {slug}" for slug in slugs)


def test_a_retry_of_one_app_says_how_many_others_are_behind(open_shop: OpenShop) -> None:
    """Fault 17: with APP and MIGRATION the others were left out of the sum."""
    shops = [open_shop() for _ in range(3)]
    slugs = set_back(shops)
    spoil(shops[0])
    last_words("ledger", "0004", tenant=slugs[:1])
    said("migrate_tenants", "ledger", "0004", tenant=slugs[1:2])
    with use_tenant(shops[0]), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_entry")
    text, again = last_words("ledger", "0004", "--retry", tenant=slugs)
    assert text.startswith("1 migrated, 0 failed, 0 were up to date. 1 others are behind.")
    assert again.startswith("manage.py migrate_tenants ledger 0004 --tenant")


def test_a_check_with_retry_looks_at_those_that_did_not_fail_too(open_shop: OpenShop) -> None:
    """Fault 17: "All 0 tenants are up to date" let a deployment go on with every shop behind."""
    slugs = set_back([open_shop(), open_shop()])
    assert last_words("--check", "--retry", tenant=slugs)[0].startswith("2 of 2 tenants are behind")


def test_a_tenant_with_nothing_to_do_is_not_told_migrated(open_shop: OpenShop) -> None:
    """Fault 17: neither in the lines nor in JSON, and `--check` of an app knows who is there."""
    shop, behind = open_shop(), open_shop()
    set_back([behind])
    slugs = [shop.slug, behind.slug]
    assert last_words("ledger", "0005", tenant=slugs[:1])[0] == "0 migrated, 0 failed, 1 were up to date."
    with pytest.raises(CommandError, match="1 of 2 tenants are behind"):
        said("migrate_tenants", "ledger", "0005", tenant=slugs, check=True)
    assert "All 1 tenants" in said("migrate_tenants", "ledger", "0003", tenant=slugs[1:], check=True)
    lines = [json.loads(line) for line in said("migrate_tenants", "ledger", tenant=slugs, json=True).splitlines()]
    assert {line["tenant"]: line["outcome"] for line in lines[:2]} == {slugs[0]: "up_to_date", slugs[1]: "migrated"}
    assert lines[2] == {"migrated": 1, "failed": 0, "locked": 0, "up_to_date": 1, "not_started": 0}


# --- Apps that only some tenants have


def test_a_variants_app_is_migrated_for_its_tenants_alone(open_shop: OpenShop) -> None:
    """Fault 16: without tables, its migrations were put on record in every tenant."""
    plain, lamps = open_shop(), open_shop(variant="customer_a")
    text = last_words("customer_a", "0001")[0]
    assert text == "0 migrated, 0 failed, 1 were up to date."
    assert "customer_a" not in {app for app, _ in SchemaHistory.read(plain).applied}
    with pytest.raises(CommandError, match=f"variant 'customer_a', and '{plain.slug}' have another"):
        said("migrate_tenants", "customer_a", tenant=[plain.slug, lamps.slug])
    with pytest.raises(CommandError, match="and those of 'default' have another"):
        said("migrate_tenants", "customer_a", variant="default")
    assert set_variant(plain.slug, "customer_a").tenant.variant == "customer_a"


def test_an_app_that_no_tenant_has_is_refused(open_shop: OpenShop) -> None:
    """Fault 16: the control plane's apps are siblings of a variant's."""
    open_shop()
    for label in ("tenants", "procrastinate"):
        with pytest.raises(CommandError, match=f"control plane.*Run: manage.py migrate {label}"):
            said("migrate_tenants", label)


def test_code_cannot_record_an_app_without_tables_either(open_shop: OpenShop) -> None:
    """Fault 16: the functions behind the command refuse it as well, alone and together."""
    shops = [open_shop() for _ in range(2)]
    targets = chosen_targets("customer_a", "0001")
    with pytest.raises(
        MigrationFailed, match="customer_a has its tables in the schemas of tenants of the variant 'customer_a'"
    ):
        migrate_tenant(shops[0], targets)
    outcomes = list(Run(shops, RunOptions(targets=tuple(targets))))
    assert [outcome.failed for outcome in outcomes] == [True, True]


def test_records_without_tables_are_taken_out_by_reconcile(open_shop: OpenShop) -> None:
    """Fault 16: what older code has put on record is in no way of `set_variant` any more."""
    shop = open_shop()
    with use_tenant(shop.as_owner()), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('customer_a', '0001_initial', now())"
        )
    assert any("customer_a" in finding.what for finding in verify([shop]))
    assert any("customer_a.0001_initial" in line for line in reconcile_tenants() if line.startswith(shop.slug))
    assert [finding.what for finding in verify([shop])] == []
    assert set_variant(shop.slug, "customer_a").tenant.variant == "customer_a"

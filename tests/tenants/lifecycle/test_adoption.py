"""Adoption of schemas: obstacles are named, and a tenant gets everything. Real libraries: tests/acceptance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.conf import tenancy
from tenants.errors import AdoptionRefused, OperationFailed
from tenants.lifecycle import TenantSpec
from tenants.lifecycle.adoption.addresses import Naming
from tenants.lifecycle.adoption.adopt import adopt_schema, prepare_public
from tenants.lifecycle.adoption.copy_tables import COPY_TABLES
from tenants.lifecycle.adoption.files import folder_of, link_findings
from tenants.lifecycle.adoption.findings import Finding, grouped
from tenants.lifecycle.adoption.single import plan_move
from tenants.lifecycle.adoption.sources import Address, Candidate, candidates_in_tables
from tenants.lifecycle.adoption.survey import PublicApps, Survey, survey
from tenants.models import Tenant
from tenants.postgresql.extensions import schema_of_extension
from tests.extensions import some_extension
from tests.typed import Manage

OLD = "old_shop"
ROOT = Path(__file__).resolve().parents[3]
Execute = Callable[[str], None]


@pytest.fixture
def execute(db: None) -> Execute:
    """Return a function that executes SQL as the owner, in the transaction of the test."""

    def run(statements: str) -> None:
        with use_tenant(PLATFORM), connection.cursor() as cursor:
            cursor.execute(statements)

    return run


@pytest.fixture
def old(acme: TenantInfo, execute: Execute) -> TenantInfo:
    """Make the tenant's schema one that no tenant owns, until the test ends."""
    execute(f"ALTER SCHEMA {acme.schema} RENAME TO {OLD}; DROP OWNED BY {acme.role}")
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=acme.id).delete()
    return acme


def look(*addresses: Address, slug: str = "moved", schema: str = OLD, **chosen: frozenset[str]) -> Survey:
    naming = Naming(from_domain=not slug, given={schema: slug} if slug else {})
    candidate = Candidate(schema=schema, name="Moved", addresses=addresses)
    return survey([candidate], naming, PublicApps(**chosen))


def texts(findings: list[Finding]) -> str:
    return "\n".join(grouped(findings))


@pytest.mark.parametrize(
    ("statements", "text"),
    [
        ("DROP TABLE old_shop.django_migrations", "has no table django_migrations, so nothing says how far"),
        (
            "INSERT INTO old_shop.django_migrations (app, name, applied) VALUES ('goods', '0999_later', now())",
            "has applied goods.0999_later, which this code does not have. Adopt it with code that has them",
        ),
        (
            "DROP TABLE old_shop.django_session",
            "the migrations of sessions are recorded, but its tables are not there: only schema public has them",
        ),
        ("DROP TABLE old_shop.goods_sku CASCADE", "tables of goods are missing, although"),
        (
            "DELETE FROM old_shop.django_migrations WHERE app = 'sessions'",
            "it has tables of sessions, whose migrations are not recorded: django_session. Record them",
        ),
        (
            "ALTER TABLE old_shop.goods_goods ADD keeper int REFERENCES public.auth_user",
            "the foreign key goods_goods.keeper points to public.auth_user. Copy that table",
        ),
        (
            "CREATE TABLE public.report (sku bigint REFERENCES old_shop.goods_sku)",
            "the foreign key public.report.sku points to its table goods_sku. Drop the key",
        ),
        (
            "CREATE VIEW old_shop.accounts AS SELECT id FROM public.auth_user",
            "rule _RETURN on view accounts needs",
        ),
        (
            "CREATE TYPE public.size AS ENUM ('small'); ALTER TABLE old_shop.goods_goods ADD size public.size",
            "column size of table goods_goods needs type public.size. Move or copy",
        ),
        (
            "CREATE FUNCTION old_shop.count_goods() RETURNS bigint LANGUAGE sql AS "
            "'SELECT count(*) FROM old_shop.goods_goods'",
            "function count_goods() names the schema in its text, and would not follow",
        ),
    ],
)
def test_survey_of_schema_that_cannot_move_names_fact_and_recipe(
    old: TenantInfo, execute: Execute, statements: str, text: str
) -> None:
    assert look().refusals == []
    execute(statements)
    assert text in texts(look().refusals)


def test_survey_of_schema_with_engine_name_refuses_it(old: TenantInfo, execute: Execute) -> None:
    execute(f"ALTER SCHEMA {OLD} RENAME TO t_999999")
    text = texts(look(schema="t_999999").refusals)
    assert 'Rename it first: ALTER SCHEMA "t_999999" RENAME TO "old_t_999999".' in text


def test_survey_of_missing_schema_names_it(acme: TenantInfo) -> None:
    assert "old_shop: the schema does not exist" in texts(look().refusals)


@pytest.mark.parametrize(
    ("slug", "host", "text"),
    [
        ("globex", "", "the slug 'globex' is that of an existing tenant. Give another slug: --slug old_shop=SLUG"),
        ("www", "", "the name is reserved for the platform. Give another slug"),
        ("Not A Slug", "", "use lower-case letters"),
        ("moved", "taken.example", "the host 'taken.example' is that of an existing tenant"),
        ("moved", "not a host", "is not a usable host name"),
        ("moved", "other.{base}", "its host other.{base} would not answer: the slug is 'moved'"),
        ("moved", "{base}", "its host {base} is the platform's"),
    ],
)
def test_survey_of_clashing_names_refuses_them(
    old: TenantInfo, globex: TenantInfo, execute: Execute, slug: str, host: str, text: str
) -> None:
    base = tenancy().base_domain
    execute(f"INSERT INTO tenants_domain (tenant_id, host, is_primary) VALUES ({globex.id}, 'taken.example', false)")
    addresses = [Address(host.format(base=base))] if host else []
    assert text.format(base=base) in texts(look(*addresses, slug=slug).refusals)


def test_slug_is_subdomain_then_schema(old: TenantInfo) -> None:
    (with_subdomain,) = look(Address(f"kim.{tenancy().base_domain}", is_primary=True), slug="").planned
    (without,) = look(Address("kim.example", is_primary=True), slug="").planned
    (in_folder,) = look(Address("moving.example", folder="lee"), slug="").planned
    assert (with_subdomain.slug, with_subdomain.domains) == ("kim", ())
    assert (without.slug, without.domains) == ("old-shop", (("kim.example", True),))
    assert (in_folder.slug, in_folder.domains) == ("lee", ())


def test_adopted_schema_has_owner_role_records_and_domains(old: TenantInfo, execute: Execute, tmp_path: Path) -> None:
    execute(
        f"CREATE ROLE moving_owner; ALTER TABLE {OLD}.goods_goods OWNER TO moving_owner; "
        f"GRANT USAGE ON SCHEMA {OLD} TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA {OLD} TO PUBLIC; "
        f"INSERT INTO {OLD}.django_migrations (app, name, applied) VALUES ('tenants', '0001_initial', now())"
    )
    found = look(Address("kim.example", is_primary=True), Address("lee.example"))
    (planned,) = found.planned
    (tmp_path / "mug.txt").write_text("mug")
    tenant = adopt_schema(planned, found, TenantSpec(slug="", language="ko"), tmp_path)
    assert (tenant.slug, tenant.host, tenant.language) == ("moved", "kim.example", "ko")
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_userbyid(relowner) = current_user, has_table_privilege(%(role)s, oid, 'DELETE'), "
            "has_schema_privilege('moving_owner', relnamespace, 'USAGE'), "
            "(SELECT count(*) FROM tenants_domain WHERE tenant_id = %(id)s) "
            "FROM pg_class WHERE oid = %(table)s::regclass",
            {"role": tenant.role, "id": tenant.id, "table": f"{tenant.schema}.goods_goods"},
        )
        assert cursor.fetchone() == (True, True, False, 2)
        cursor.execute(f"SELECT count(*) FROM {tenant.schema}.django_migrations WHERE app = 'tenants'")
        assert cursor.fetchone() == (0,)
    assert tenant.fingerprint == "" or tenant.fingerprint == old.fingerprint
    assert look().done == 1


def test_adopted_schema_gives_public_no_right_of_any_grantor(
    old: TenantInfo, globex: TenantInfo, execute: Execute, tmp_path: Path
) -> None:
    execute(
        "CREATE ROLE moving_first; CREATE ROLE moving_second; "
        f"GRANT ALL ON SCHEMA {OLD} TO moving_first WITH GRANT OPTION; "
        f"GRANT SELECT ON {OLD}.goods_goods TO moving_first WITH GRANT OPTION; "
        f"SET LOCAL ROLE moving_first; GRANT USAGE ON SCHEMA {OLD} TO moving_second WITH GRANT OPTION; "
        f"GRANT SELECT ON {OLD}.goods_goods TO PUBLIC; SET LOCAL ROLE moving_second; "
        f"GRANT USAGE ON SCHEMA {OLD} TO PUBLIC; RESET ROLE; "
        f"GRANT SELECT (session_key) ON {OLD}.django_session TO PUBLIC; "
        f"GRANT USAGE ON SEQUENCE {OLD}.goods_goods_id_seq TO PUBLIC"
    )
    found = look()
    tenant = adopt_schema(found.planned[0], found, TenantSpec(slug=""), tmp_path)
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_schema_privilege(%(other)s, %(schema)s, 'USAGE'), "
            "has_table_privilege(%(other)s, %(schema)s || '.goods_goods', 'SELECT'), "
            "has_any_column_privilege(%(other)s, %(schema)s || '.django_session', 'SELECT'), "
            "has_sequence_privilege(%(other)s, %(schema)s || '.goods_goods_id_seq', 'USAGE'), "
            "has_schema_privilege('moving_first', %(schema)s, 'USAGE')",
            {"other": globex.role, "schema": tenant.schema},
        )
        assert cursor.fetchone() == (False, False, False, False, True)


def test_right_of_public_that_the_owner_cannot_revoke_stops_adoption(
    old: TenantInfo, execute: Execute, tmp_path: Path
) -> None:
    execute(
        f"CREATE ROLE moving_first; GRANT USAGE ON SCHEMA {OLD} TO moving_first; "
        f"GRANT SELECT ON {OLD}.goods_goods TO moving_first WITH GRANT OPTION; "
        f"SET LOCAL ROLE moving_first; GRANT SELECT (id) ON {OLD}.goods_goods TO PUBLIC; RESET ROLE"
    )
    found = look()
    with pytest.raises(OperationFailed, match="moving_first granted PUBLIC a right on the table goods_goods, and"):
        adopt_schema(found.planned[0], found, TenantSpec(slug=""), tmp_path)
    assert look().refusals == []


def test_adoption_of_schema_in_use_leaves_it_as_it_was(
    old: TenantInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.lifecycle.adoption.adopt._LOCK_TIMEOUT", "100ms")
    found = look()
    params = connection.settings_dict
    with psycopg.connect(
        host=params["HOST"],
        port=params["PORT"] or None,
        user=params["USER"],
        password=params["PASSWORD"] or None,
        dbname=params["NAME"],
    ) as session:
        session.execute(f"LOCK TABLE {old.schema}.goods_goods IN ACCESS SHARE MODE")
        with pytest.raises(OperationFailed, match="canceling statement due to lock timeout"):
            adopt_schema(found.planned[0], found, TenantSpec(slug=""), tmp_path)
    assert look().refusals == []


def test_app_that_only_public_has_is_copied_or_starts_empty(old: TenantInfo, execute: Execute, tmp_path: Path) -> None:
    execute(
        f"DROP TABLE {OLD}.django_session; INSERT INTO public.django_session VALUES ('a', 'b', now()); "
        "ALTER TABLE public.django_session ADD twice text GENERATED ALWAYS AS (session_key || session_key) STORED"
    )
    assert look().refusals != []
    assert look(empty=frozenset({"sessions"})).refusals == []
    found = look(copied=frozenset({"sessions"}))
    assert found.refusals == []
    tenant = adopt_schema(found.planned[0], found, TenantSpec(slug=""), tmp_path)
    with use_tenant(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT session_key, twice FROM django_session WHERE session_key = 'a'")
        assert cursor.fetchall() == [("a", "aa")]


def test_choosing_users_or_unknown_app_is_refused_with_recipe(db: None) -> None:
    with pytest.raises(AdoptionRefused, match="would copy all accounts into every tenant. Copy those that belong"):
        PublicApps.chosen(["auth"], [])
    with pytest.raises(AdoptionRefused, match=r"tenants have no app 'nothing'\. Give the label"):
        PublicApps.chosen([], ["nothing"])


def test_extension_in_public_moves_to_the_schema_of_extensions(old: TenantInfo, execute: Execute) -> None:
    name, kind, _ = some_extension()
    execute(f"CREATE EXTENSION {name} SCHEMA public; ALTER TABLE {OLD}.goods_goods ADD odd public.{kind}")
    found = look()
    assert (found.refusals, found.extensions) == ([], (name,))
    prepare_public(found)
    with use_tenant(PLATFORM):
        assert schema_of_extension(name) == tenancy().extension_schema


def test_survey_by_user_without_rights_names_them(old: TenantInfo, execute: Execute) -> None:
    execute("CREATE ROLE moving_guest; GRANT USAGE ON SCHEMA public TO moving_guest")
    execute(f"GRANT USAGE ON SCHEMA {OLD} TO moving_guest")
    execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO moving_guest")
    execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {OLD} TO moving_guest; SET SESSION AUTHORIZATION moving_guest")
    text = texts(look().refusals)
    execute("RESET SESSION AUTHORIZATION")
    assert "the database user moving_guest may not create roles, and each tenant gets one" in text
    assert "old_shop: objects in it belong to " in text


def test_tables_of_other_library_are_found_by_their_columns(execute: Execute) -> None:
    with use_tenant(PLATFORM), pytest.raises(AdoptionRefused, match="no table of schema public has a column"):
        candidates_in_tables()
    execute(
        "CREATE TABLE clients (id int PRIMARY KEY, schema_name text, name text); "
        "CREATE TABLE hosts (domain text, is_primary bool, folder text, tenant_id int REFERENCES clients); "
        "INSERT INTO clients VALUES (1, 'one', 'One'); INSERT INTO hosts VALUES ('one.example', true, 'shop', 1)"
    )
    with use_tenant(PLATFORM):
        assert candidates_in_tables() == [
            Candidate(schema="one", name="One", addresses=(Address("one.example", True, "shop"),))
        ]


def test_findings_of_ten_thousand_schemas_are_one_line() -> None:
    lines = list(grouped(Finding(f"s{number}", "it is so", "Do this.") for number in range(10_000)))
    assert lines == ["s0, s1, s2, s3, s4 and 9,995 more: it is so. Do this."]


def test_old_folder_of_files_follows_the_pattern_of_the_library(settings: object) -> None:
    root = Path(folder_of("acme", "%s")).parent
    assert folder_of("acme", "tenants/%s/media") == root / "tenants" / "acme" / "media"
    assert folder_of("acme", "tenants") == root / "tenants" / "acme"


def test_project_whose_apps_are_torn_apart_is_refused(execute: Execute) -> None:
    execute(
        "CREATE TABLE public.goods_goods (id int PRIMARY KEY); "
        "CREATE VIEW public.goods_ids AS SELECT id FROM goods_goods; "
        "CREATE TABLE public.odd (id int); CREATE FUNCTION public.odd_one() RETURNS int LANGUAGE sql AS 'SELECT 1'; "
        "ALTER TABLE public.tenants_domain ADD goods int REFERENCES public.goods_goods"
    )
    move = plan_move(move=["odd_*"])
    text = texts(list(move.findings))
    assert {"goods_goods", "goods_ids", "odd_one", "auth_user"} <= {thing.name for thing in move.things}
    assert "the table odd belongs to no app. Decide: --move 'odd' or --leave 'odd'." in text
    assert "the table goods_goods moves to the tenant and the table tenants_domain stays" in text


def test_function_of_project_that_names_public_is_refused(execute: Execute) -> None:
    execute("CREATE FUNCTION public.odd_one() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.auth_user'")
    text = texts(list(plan_move(move=["odd_one"]).findings))
    assert "the function odd_one() names schema public in its text, and moves to the tenant" in text


def test_recipe_for_users_in_public_copies_those_of_each_tenant(
    old: TenantInfo, execute: Execute, tmp_path: Path
) -> None:
    execute(
        f"DROP TABLE {OLD}.auth_user, {OLD}.auth_user_groups, {OLD}.auth_user_user_permissions, {OLD}.auth_group, "
        f"{OLD}.auth_group_permissions, {OLD}.auth_permission, {OLD}.django_content_type CASCADE; "
        f"ALTER TABLE {OLD}.goods_goods ADD keeper int REFERENCES public.auth_user; "
        "CREATE TABLE customers_client (id int, schema_name text); "
        "CREATE TABLE customers_membership (client_id int, user_id int); "
        "INSERT INTO customers_client VALUES (5, 'old_shop'); INSERT INTO customers_membership VALUES (5, 77); "
        "INSERT INTO public.auth_user (id, username, password, first_name, last_name, email, is_active, is_staff, "
        "is_superuser, date_joined) SELECT id, 'user ' || id, '', '', '', '', true, true, false, now() "
        "FROM unnest('{77, 78}'::int[]) AS id"
    )
    assert "auth" in texts(look().refusals)
    recipe = (ROOT / "docs" / "moving.md").read_text().split("### Users that only public has")[1]
    statements = recipe.split("```sql\n")[1].split("```")[0]
    assert COPY_TABLES.strip() in statements
    execute(statements.replace("BEGIN;\n--", "--").replace("COMMIT;\n", ""))
    found = look()
    assert texts(found.refusals) == ""
    tenant = adopt_schema(found.planned[0], found, TenantSpec(slug=""), tmp_path)
    with use_tenant(tenant):
        assert [user.username for user in get_user_model().objects.all()] == ["user 77"]
        assert get_user_model().objects.create_user("new").pk == 78


def test_command_without_names_or_with_problems_ends_with_one_line(manage: Manage) -> None:
    ended = manage("adopt_schemas", "--from", "schemas")
    assert (ended.code, ended.out) == (1, "")
    assert "--from schemas needs the names of the schemas" in ended.err
    ended = manage("adopt_schemas", "--from", "schemas", "nowhere", "--slug", "nowhere=kim")
    assert ended.code == 1
    assert "Problem: nowhere: the schema does not exist" in ended.err
    assert "nothing was changed: 1 of them cannot be adopted as they are" in ended.err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--from", "schemas", "nowhere", "--slug", "nowehre=kim"], "--slug is given for nowehre, which this run does"),
        (["--from", "schemas", "nowhere", "--move", "odd"], "--move cannot be given together with --from. Leave"),
        (["--single", "kim", "--copy", "goods"], "--copy cannot be given together with --single. Leave --copy or"),
        (["--single", "kim", "nowhere"], "the schema nowhere cannot be given together with --single. Leave"),
    ],
)
def test_option_that_would_be_ignored_is_refused(manage: Manage, options: list[str], text: str) -> None:
    ended = manage("adopt_schemas", *options)
    assert ended.code == 1
    assert text in ended.err


def test_pattern_of_names_that_matches_nothing_is_refused(db: None) -> None:
    text = texts(list(plan_move(move=["tenants_*", "od_*"], leave=["nothing"]).findings))
    assert "public: --move 'od_*' matches nothing in it. Correct the name, or leave it out." in text
    assert "--leave 'nothing' matches nothing" in text
    assert "tenants_*" not in text


@pytest.mark.parametrize("target", ["globex", "globex/secret.txt"])
def test_symbolic_link_out_of_the_old_folder_is_refused(old: TenantInfo, tmp_path: Path, target: str) -> None:
    (tmp_path / "globex").mkdir()
    (tmp_path / "globex" / "secret.txt").write_text("secret")
    folder = tmp_path / OLD
    folder.mkdir()
    (folder / "mug.txt").write_text("mug")
    (folder / "cup.txt").symlink_to(folder / "mug.txt")
    assert list(link_findings([(OLD, folder)])) == []
    (folder / "link").symlink_to(tmp_path / target)
    (finding,) = link_findings([(OLD, folder)])
    assert f"the symbolic link {folder / 'link'} leads out of the folder of its files" in finding.what
    found = look()
    with pytest.raises(AdoptionRefused, match="leads out of the folder"):
        adopt_schema(found.planned[0], found, TenantSpec(slug=""), folder)
    assert look().refusals == []


def test_deletes_of_the_way_back_in_the_same_database_leave_no_row(acme: TenantInfo, execute: Execute) -> None:
    way_back = (ROOT / "docs" / "moving.md").read_text().split("## The way back")[1]
    statements = way_back.split("```sql\n")[1].split("```")[0].replace("BEGIN;\n", "").replace("COMMIT;\n", "")
    execute(statements.replace("t_7", acme.schema).replace("= 7", f"= {acme.id}").replace("TO acme", f"TO {OLD}"))
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        assert not Tenant.objects.filter(pk=acme.id).exists()
        cursor.execute(
            "SELECT conrelid::regclass::text FROM pg_constraint "
            "WHERE contype = 'f' AND confrelid = 'public.tenants_tenant'::regclass"
        )
        for (table,) in cursor.fetchall():
            assert f"DELETE FROM {table} WHERE" in statements

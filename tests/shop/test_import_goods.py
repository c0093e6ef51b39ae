"""The command `import_goods`: output and exit code."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from shop.goods.models import Goods
from tenants import TenantInfo, use_tenant

APPAREL = Path(__file__).parent.parent / "data" / "apparel.csv"


def _run(capsys: pytest.CaptureFixture[str], *arguments: str, **options: object) -> str:
    call_command("import_goods", *arguments, **options)
    return capsys.readouterr().out


def test_the_command_says_what_it_did(acme: TenantInfo, capsys: pytest.CaptureFixture[str]) -> None:
    said = _run(capsys, "acme", str(APPAREL))
    assert said.splitlines()[0] == "20 created, 0 updated, 0 unchanged (22 variants and 20 images in the file)"
    assert _run(capsys, "acme", str(APPAREL)).startswith("0 created, 0 updated, 20 unchanged")


def test_the_goods_are_in_that_shop_alone(
    acme: TenantInfo, globex: TenantInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(capsys, "acme", str(APPAREL))
    with use_tenant(acme):
        assert Goods.objects.count() == 20
    with use_tenant(globex):
        assert not Goods.objects.exists()


def test_a_dry_run_says_that_it_was_one(acme: TenantInfo, capsys: pytest.CaptureFixture[str]) -> None:
    said = _run(capsys, "acme", str(APPAREL), dry_run=True)
    assert said.startswith("20 created, 0 updated, 0 unchanged")
    assert said.endswith("Dry run: nothing was changed.\n")
    with use_tenant(acme):
        assert not Goods.objects.exists()


def test_a_hyphen_reads_standard_input(
    acme: TenantInfo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(APPAREL.read_bytes())))
    assert _run(capsys, "acme", "-").startswith("20 created")


def test_an_unknown_shop_is_an_error(db: None) -> None:
    with pytest.raises(CommandError, match="Unknown tenant: 'nobody'"):
        call_command("import_goods", "nobody", str(APPAREL))


@pytest.mark.parametrize(
    ("name", "said"), [("no.csv", "Cannot read .*no.csv: No such file"), ("", "Cannot read .*Is a directory")]
)
def test_what_is_no_file_is_an_error(acme: TenantInfo, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("import_goods", "acme", str(tmp_path / name))


def test_a_bad_row_is_an_error_that_names_file_line_and_column(acme: TenantInfo, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(APPAREL.read_bytes().replace(b"manual,75", b"manual,much"))
    with pytest.raises(CommandError) as refused:
        call_command("import_goods", "acme", str(file))
    said = str(refused.value).splitlines()
    assert said[0] == f"Import of {file} failed. Nothing was changed."
    assert said[1].startswith("Line 7, column 'Variant Price': 'much' is not a price.")
    assert refused.value.returncode == 1
    with use_tenant(acme):
        assert not Goods.objects.exists()

"""Variants of one test, in a separate package."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from django.apps import apps
from django.test import override_settings

from tenants.variants import Variant, variants
from tests.settings import TENANTS

_numbers = count(1)

WriteVariant = Callable[..., Variant]


@pytest.fixture
def write_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteVariant]:
    """Return a function that writes a variant's files, by path, and returns the variant, which is then the only one."""
    package = f"variants_of_test_{next(_numbers)}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    for variant in list(variants()):
        monkeypatch.delitem(apps.app_configs, variant)  # without the project's own variants
    with override_settings(TENANTS={**TENANTS, "VARIANTS": package}):

        def write(name: str = "special", **files: str) -> Variant:
            folder = tmp_path / package / name
            for path, text in {"__init__": "", **files}.items():
                file = folder / f"{path}.py"
                file.parent.mkdir(parents=True, exist_ok=True)
                for parent in (folder, file.parent):
                    (parent / "__init__.py").touch()
                file.write_text(text)
            variants.cache_clear()
            return variants()[name]

        yield write
    for module in [name for name in sys.modules if name.startswith(package)]:
        del sys.modules[module]

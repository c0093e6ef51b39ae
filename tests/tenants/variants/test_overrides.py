"""A variant's overrides are found by name, and errors state file and name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from shop.goods.schemas import GoodsFields
from shop.goods.services import pricing
from tenants.checks.placement import check_variants
from tenants.errors import ConfigurationError, InvalidVariant, UnknownVariant, VariantLookupError
from tenants.variants import Variant, resolve_for, variant_apps, variants
from tenants.variants.overrides import overrides_of, read_variant
from tests.settings import TENANTS
from tests.tenants.variants.conftest import WriteVariant

GOOD = "from shop.goods.services.pricing import price_before\ndef price():\n    return 1\n"
SCHEMA = "from shop.goods import schemas\n"


def problems(variant: Variant) -> list[str]:
    return read_variant(variant)[1]


def test_a_module_takes_the_place_of_the_default_of_its_name(write_variant: WriteVariant) -> None:
    variant = write_variant(**{"services/pricing": GOOD})
    found, wrong = read_variant(variant)
    assert (set(found), wrong) == ({"goods.services.pricing"}, [])
    assert resolve_for("special", "goods.services.pricing").price() == 1
    assert resolve_for("special", pricing) is resolve_for("special", "goods.services.pricing")
    assert resolve_for("default", "goods.services.pricing") is pricing is resolve_for("default", pricing)


def test_a_class_takes_the_place_of_the_default_that_it_inherits_from(write_variant: WriteVariant) -> None:
    text = (
        SCHEMA + "class GoodsFields(schemas.GoodsFields):\n    colour: str\n\nclass Hue(schemas.Schema):\n    x: int\n"
    )
    variant = write_variant(schemas=text)
    assert set(read_variant(variant)[0]) == {"goods.schemas.GoodsFields"}
    assert "colour" in resolve_for("special", "goods.schemas.GoodsFields").model_fields
    assert resolve_for("special", GoodsFields) is resolve_for("special", "goods.schemas.GoodsFields")
    assert resolve_for("default", "goods.schemas.GoodsFields") is GoodsFields is resolve_for("default", GoodsFields)


def test_underscored_names_and_other_modules_replace_nothing(
    write_variant: WriteVariant,
) -> None:
    variant = write_variant(
        tax="RATE = 1\n",
        schemas=SCHEMA + "class _Base(schemas.GoodsFields):\n    pass\n",
        **{"services/_table": "RATES = {}\n"},
    )
    assert read_variant(variant) == ({}, [])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"services/pricng": GOOD}, ["services/pricng.py", "no app has services.pricng", "Did you mean 'pricing'?"]),
        ({"services/stars": GOOD}, ["services/stars.py", "no app has services.stars", "pricing"]),
        ({"services/pricing": "def price():\n    return 1\n"}, ["services/pricing.py", "no function 'price_before'"]),
        (
            {"services/pricing": GOOD.replace("price():", "price(sku):")},
            ["services/pricing.py", "'price' cannot be called as the default is: price()"],
        ),
        ({"services/pricing": GOOD + "price = 3\n"}, ["services/pricing.py", "'price' cannot be called"]),
        ({"services/pricing": "import nothing_there\n"}, ["services/pricing.py", "No module named 'nothing_there'"]),
        ({"services/pricing": "def price(:\n"}, ["services/pricing.py", "SyntaxError"]),
        ({"services": GOOD}, ["services.py", "has to be a package with a module for each default"]),
        ({"service/pricing": GOOD}, ["special/service", "'service' overrides nothing. Did you mean 'services'?"]),
        (
            {"schemas": SCHEMA + "class GoodsField(schemas.GoodsFields):\n    pass\n"},
            ["schemas.py", "GoodsField is a child of shop.goods.schemas.GoodsFields", "Rename it to GoodsFields"],
        ),
        (
            {"schemas": "from ninja import Schema\nclass GoodsFields(Schema):\n    pass\n"},
            ["schemas.py", "GoodsFields has the name of shop.goods.schemas.GoodsFields, but is not a child of it"],
        ),
        ({"admin": "1/0\n"}, ["admin.py", "ZeroDivisionError"]),
    ],
)
def test_error_names_file_and_class(write_variant: WriteVariant, files: dict[str, str], said: list[str]) -> None:
    variant = write_variant(**files)
    (problem,) = problems(variant)
    assert [words for words in said if words not in problem] == []
    with pytest.raises(InvalidVariant, match="'special' is invalid"):
        overrides_of("special")


def test_a_variant_that_is_not_installed_is_an_error(write_variant: WriteVariant) -> None:
    write_variant()
    (message,) = check_variants()
    assert message.id == "tenants.E007"
    assert "'special'" in message.msg


@pytest.mark.parametrize("name", ["Special", "default", "9lives", "a-b"])
def test_a_folder_that_cannot_be_a_variant_is_refused(write_variant: WriteVariant, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a variant"):
        write_variant(name)


def test_a_folder_without_code_is_no_variant_and_one_without_init_an_error(
    write_variant: WriteVariant, tmp_path: Path
) -> None:
    package = write_variant().folder.parent
    (package / "gone" / "__pycache__").mkdir(parents=True)
    assert variant_apps(package.name) == [f"{package.name}.special"]
    (package / "gone" / "models.py").touch()
    with pytest.raises(ConfigurationError, match=r"gone cannot be a variant.*Add an empty __init__\.py"):
        variant_apps(package.name)


def test_a_package_that_is_not_there_is_refused() -> None:
    for name in ("shop.nothing", "nowhere.at.all"):
        with pytest.raises(ConfigurationError, match="which is not a package"):
            variant_apps(name)


def test_without_the_setting_there_is_the_default_alone() -> None:
    with override_settings(TENANTS={key: value for key, value in TENANTS.items() if key != "VARIANTS"}):
        assert variants() == {}
        with pytest.raises(UnknownVariant, match="It has default"):
            resolve_for("customer_a", "goods.models.Goods")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("goods.models.Gods", "has no class or module 'Gods', but 'Goods'"),
        ("goods.services.pricng", "has no class or module 'pricng'"),
        ("goods.rooms.Goods", "the app 'goods' has no rooms"),
        ("gods.models.Goods", "no app has the label 'gods'"),
        ("goods.Goods", "a name has three parts"),
        ("goods.money.MAX_DIGITS", "has no class or module"),
    ],
)
def test_a_name_that_there_is_not_is_an_error(name: str, said: str) -> None:
    with pytest.raises(VariantLookupError, match=said):
        resolve_for("default", name)
    assert issubclass(VariantLookupError, LookupError)


# --- At the start of a process

MODEL = """
from django.db import models
from shop.goods import models as goods

class Goods(goods.Goods):
    goods_ptr = models.OneToOneField(
        goods.Goods, models.CASCADE, parent_link=True, primary_key=True, related_name="special"
    )
    colour = models.CharField(max_length=9{})
"""


@pytest.fixture
def start(write_variant: WriteVariant, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Python in a process of its own, with a variant that has these files."""

    def run(code: str, **files: str) -> subprocess.CompletedProcess[str]:
        package = write_variant(**files).folder.parent.name
        (tmp_path / "settings_of_test.py").write_text(
            "from tests.settings import *\nfrom tenants.variants import variant_apps\n"
            "INSTALLED_APPS = [app for app in INSTALLED_APPS if not app.startswith('shop.variants.')]\n"
            f"INSTALLED_APPS += variant_apps('{package}')\nTENANTS = {{**TENANTS, 'VARIANTS': '{package}'}}\n"
            f"DATABASES['default']['NAME'] = {package!r}\n"
        )
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings_of_test",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(settings.BASE_DIR)]),
        }
        return subprocess.run(
            [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
        )

    return run


CHECK = "import django; django.setup(); from django.core.management import call_command; call_command('check')"
SERVE = "from django.core.wsgi import get_wsgi_application; get_wsgi_application()"
Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("code", [CHECK, SERVE])
def test_a_process_does_not_start_with_a_broken_variant(start: Start, code: str) -> None:
    done = start(code, **{"services/pricing": "def price():\n    return 1\n"})
    assert done.returncode != 0
    assert "services/pricing.py: it has no function 'price_before'" in done.stderr


def test_a_field_without_a_value_for_rows_that_are_there_is_refused(start: Start) -> None:
    done = start(CHECK, models=MODEL.format(""))
    assert "models.py: the field Goods.colour has no value for existing rows" in done.stderr
    assert start(CHECK, models=MODEL.format(", db_default=''")).returncode == 0


def test_a_model_that_cannot_be_imported_names_file_and_name(start: Start) -> None:
    done = start(SERVE, models="from shop.goods.models import Goodz\n")
    assert done.returncode != 0
    assert "special/models.py" in done.stderr
    assert "cannot import name 'Goodz'" in done.stderr


def test_a_variants_key_to_the_control_plane_is_refused(start: Start) -> None:
    text = "from django.db import models\nclass Note(models.Model):\n    of = models.ForeignKey({}, models.CASCADE)\n"
    assert start(CHECK, models=text.format("'goods.Goods'")).returncode == 0
    done = start(CHECK, models=text.format("'tenants.Tenant'"))
    assert "tenants.E006" in done.stderr
    assert "points from the schemas of tenants of the variant 'special' to the control plane" in done.stderr


CHILDREN = """
from django.db import models
from shop.customers import models as customers
from shop.goods import models as goods
from shop.orders import models as orders


def link(parent):
    return models.OneToOneField(parent, models.CASCADE, parent_link=True, primary_key=True, related_name="special")


class Customer(customers.Customer):
    customer_ptr = link(customers.Customer)
    loyalty = models.CharField(max_length=9, default="", db_default="", blank=True)


class Order(orders.Order):
    order_ptr = link(orders.Order)
    gift = models.BooleanField(default=False, db_default=False)


class Category(goods.Category):
    category_ptr = link(goods.Category)
    colour = models.CharField(max_length=9, default="", db_default="", blank=True)
"""


CUSTOMER_ADMIN = """
from shop.customers import admin


class CustomerAdmin(admin.CustomerAdmin):
    fields = [*admin.CustomerAdmin.fields, "loyalty"]
"""


def test_children_of_customers_orders_and_categories_work_in_admin_and_api(start: Start) -> None:
    """Fault 18: every page of the admin answers, for the owner and for staff with the rights that they had."""
    done = start(
        "import django; django.setup(); from tests.tenants.variants.outside_goods import main; main()",
        models=CHILDREN,
        admin=CUSTOMER_ADMIN,
        **{"migrations/__init__": ""},
    )
    assert done.stdout.splitlines()[-5:] == [
        "wrong {} unseen []",
        "wrong {} unseen []",
        "saved 302",
        "loyalty gold",
        "api [200, 200, 200]",
    ], done.stdout + done.stderr[-3000:]


def test_a_child_of_a_model_that_is_not_the_tenants_alone_is_refused(start: Start) -> None:
    """Fault 18: users, groups and sessions are asked for by code that knows no variant."""
    text = MODEL.replace("shop.goods import models as goods", "django.contrib.auth import models as auth")
    text = (
        text.replace("goods.Goods", "auth.User").replace("class Goods", "class User").replace("goods_ptr", "user_ptr")
    )
    done = start(CHECK, models=text.format(", db_default=''"))
    assert "tenants.E008" in done.stderr
    assert "The model special.User is a child of auth.User, whose app is not in TENANT_APPS" in done.stderr


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("class GoodsFields(schemas.GoodsFields):\n    name: int\n", "GoodsFields defines name, which GoodsOut"),
        ("class GoodsFields(schemas.GoodsFields):\n    price: str\n    skus: int\n", "defines price, skus"),
        ("class GoodsFilter(schemas.GoodsFilter):\n    search: int\n", "GoodsFilter defines search"),
        ("class GoodsInput(schemas.GoodsInput):\n    name: int = 1\n", "GoodsInput defines name"),
        ("class SkuFields(schemas.SkuFields):\n    stock: str\n", "SkuFields defines stock"),
    ],
)
@pytest.mark.parametrize("code", [CHECK, SERVE])
def test_a_schema_that_defines_a_field_of_the_api_is_refused(start: Start, schema: str, said: str, code: str) -> None:
    """Fault 18: it passed `check`, and every list was a 500."""
    done = start(code, schemas=SCHEMA + schema)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_method_of_a_schema_that_takes_other_arguments_is_refused(write_variant: WriteVariant) -> None:
    """Fault 18: it would be called as the default's is."""
    text = SCHEMA + "class GoodsFilter(schemas.GoodsFilter):\n    def narrow(self):\n        return None\n"
    (problem,) = problems(write_variant(schemas=text))
    assert "GoodsFilter.narrow cannot be called as the default is: narrow(self, goods" in problem

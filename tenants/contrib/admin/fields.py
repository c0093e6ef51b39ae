"""Choice fields of the tenant forms: language, currency, time zone, variant, plan and API version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.forms import ChoiceField
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget

from tenants.conf import tenancy
from tenants.contrib.api.conf import api_settings
from tenants.lifecycle.create import time_zones
from tenants.models import Tenant
from tenants.variants.discovery import known_variants

# ISO 4217, without funds, metals and codes for tests.
CURRENCIES = tuple(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
    UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)

Choices = list[tuple[str, str]]


def _plain(values: Iterable[str]) -> Choices:
    return [(value, value) for value in values]


def _languages() -> Choices:
    return [(code, gettext(str(name))) for code, name in settings.LANGUAGES]


def _time_zones() -> Choices:
    return _plain(sorted(zone for zone in time_zones() if "/" in zone or zone == "UTC"))


def _api_versions() -> Choices:
    default = gettext("Default (%s)") % api_settings().api_default_version
    return [("", default), *_plain(tenancy().api_versions)]


def _plans() -> Choices:
    names = list(tenancy().plans)
    default = gettext("Default (%s)") % names[0] if names else gettext("No plan: no limits")
    return [("", default), *_plain(names)]


def choice_field(name: str) -> ChoiceField:
    """Return a field for the values that `Tenant.name` may have; each form reads them when it is created."""
    model_field: Any = Tenant._meta.get_field(name)
    choices = {
        "language": _languages,
        "currency": lambda: _plain(CURRENCIES),
        "time_zone": _time_zones,
        "variant": lambda: _plain(sorted(known_variants())),
        "plan": _plans,
        "api_version": _api_versions,
    }[name]
    return ChoiceField(
        label=model_field.verbose_name,
        choices=choices,
        required=not model_field.blank,
        help_text=model_field.help_text,
        widget=UnfoldAdminSelect2Widget if name == "time_zone" else UnfoldAdminSelectWidget,
    )


def keep_choice(field: Any, value: str) -> None:
    """Add `value` to the choices, so that a form keeps a tenant's value that was removed from them."""
    offered: Choices = list(field.choices)
    if value not in dict(offered):
        field.choices = [(value, value), *offered]

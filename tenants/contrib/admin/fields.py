"""Form fields for what a shop speaks, counts in, lives by and has: language, plan, variant, API version …"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.forms import ChoiceField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget

from tenants.conf import tenancy
from tenants.contrib.api.conf import api_settings
from tenants.lifecycle.create import time_zones
from tenants.models import Tenant
from tenants.variants.discovery import known_variants

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
"""The currencies of ISO 4217 that are money of a country or of a union of countries."""

Choices = list[tuple[str, str]]


def _languages() -> Choices:
    return [(code, gettext(str(name))) for code, name in settings.LANGUAGES]


def _variants() -> Choices:
    return _plain(sorted(known_variants()))


def _currencies() -> Choices:
    return _plain(CURRENCIES)


def _time_zones() -> Choices:
    return _plain(sorted(zone for zone in time_zones() if "/" in zone or zone == "UTC"))


def _api_versions() -> Choices:
    return [("", gettext("the default: %s") % api_settings().api_default_version), *_plain(tenancy().api_versions)]


def _plain(values: Iterable[str]) -> Choices:
    return [(value, value) for value in values]


def language_field() -> ChoiceField:
    """Return a field for one of the project's languages."""
    return ChoiceField(label=_("language"), choices=_languages, widget=UnfoldAdminSelectWidget)


def variant_field() -> ChoiceField:
    """Return a field for one of the variants that the code has."""
    return ChoiceField(label=_("variant"), choices=_variants, widget=UnfoldAdminSelectWidget)


def currency_field() -> ChoiceField:
    """Return a field for a currency."""
    return ChoiceField(label=_("currency"), choices=_currencies, widget=UnfoldAdminSelectWidget)


def time_zone_field() -> ChoiceField:
    """Return a field for a time zone of the IANA database."""
    return ChoiceField(label=_("time zone"), choices=_time_zones, widget=UnfoldAdminSelect2Widget)


def _plans() -> Choices:
    names = list(tenancy().plans)
    usual = gettext("As everybody (%s)") % names[0] if names else gettext("No plan: no limits")
    return [("", usual), *_plain(names)]


def plan_field() -> ChoiceField:
    """Return a field for one of the plans of `TENANTS["PLANS"]`."""
    return ChoiceField(label=_("plan"), choices=_plans, widget=UnfoldAdminSelectWidget, required=False)


def api_version_field() -> ChoiceField:
    """Return a field for a version of the tenants' API."""
    return ChoiceField(
        label=_("API version"),
        choices=_api_versions,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=Tenant._meta.get_field("api_version").help_text,
    )


def keep_choice(field: Any, value: str) -> None:
    """Let `field` take `value` as well: what a tenant has already is never lost by saving its form."""
    offered: Choices = list(field.choices)
    if value not in dict(offered):
        field.choices = [(value, value), *offered]

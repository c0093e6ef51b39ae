"""The second factor: a code from a phone (TOTP, RFC 6238), or one of the codes that were written down.

django-otp keeps the devices and checks the codes; here is who needs one, and how one is set up and taken away.
"""

from __future__ import annotations

from base64 import b32encode
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.db import transaction
from django.utils.safestring import SafeString, mark_safe
from django_otp import verify_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.contrib.accounts.conf import account_settings

RECOVERY_CODES = 10


def is_required() -> bool:
    """Tell whether whoever signs in to run the active tenant, or the platform, has to have a second factor."""
    tenant = current_tenant()
    return account_settings().operator_second_factor if tenant.is_platform else tenant.staff_second_factor


def has_second_factor(user: Any) -> bool:
    """Tell whether the user has set one up."""
    return device_of(user) is not None


def is_satisfied(user: Any) -> bool:
    """Tell whether a user, as the session has them, has shown their second factor, or has none and needs none.

    Staff alone have one. Operators who have entered by a link have shown theirs at the platform.
    """
    if not (user.is_authenticated and user.is_staff) or user.is_verified() or getattr(user, "has_entered", False):
        return True
    return not (is_required() or has_second_factor(user))


def shows_second_factor(user: Any, code: str) -> bool:
    """Tell whether `code`, given together with the right password, is what the user has to give beside it."""
    if has_second_factor(user):
        return check_code(user, code) is not None
    return not (user.is_staff and is_required())


def begin_set_up(user: Any) -> TOTPDevice:
    """Return a device that counts for nothing until `finish_set_up`; a page that is opened again shows the same one."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return device or TOTPDevice.objects.create(user=user, confirmed=False, name="phone")


def device_of(user: Any) -> TOTPDevice | None:
    """Return the device that makes the user's codes, if one is set up."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return device


def finish_set_up(user: Any, code: str) -> list[str] | None:
    """Let the device of `begin_set_up` count, in the place of one before it; None if the code is not its.

    Returns recovery codes, to be shown once.
    """
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not device.verify_token(code):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        return new_recovery_codes(user)


def new_recovery_codes(user: Any) -> list[str]:
    """Make recovery codes in the place of those before, and return them: each works once."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="recovery codes")
        codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def recovery_codes_left(user: Any) -> int:
    """Return how many recovery codes the user has not used yet."""
    return int(StaticToken.objects.filter(device__user=user).count())


def check_code(user: Any, code: str) -> Any:
    """Return the device to which a code belongs, which is used up by that; None for a wrong one.

    After each wrong code a device waits twice as long before it takes another: 1 second, 2, 4, ….
    """
    text = "".join(code.split()).replace("-", "").lower()
    # Asked one by one, so that a code for the one is no failure of the other.
    kind = TOTPDevice if text.isdecimal() and len(text) == 6 else StaticDevice
    device = kind.objects.filter(user=user, confirmed=True).first()
    return None if device is None else verify_token(user, device.persistent_id, text)


def take_away(user: Any) -> bool:
    """Take a user's second factor away; return whether there was one. Sessions that showed it have to sign in anew."""
    found = has_second_factor(user)
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    return found


def set_up_link(device: TOTPDevice) -> str:
    """Return what the app on the phone reads: the secret, whose it is, and for which shop."""
    tenant = current_tenant()
    issuer = (tenancy().base_domain if tenant.is_platform else tenant.name).replace(":", " ")
    label = quote(f"{issuer}:{device.user.get_username()}")
    facts = {"secret": secret_text(device), "issuer": issuer, "digits": device.digits, "period": device.step}
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"


def secret_text(device: TOTPDevice) -> str:
    """Return the secret as it is typed by hand."""
    return b32encode(device.bin_key).decode().rstrip("=")


def set_up_picture(device: TOTPDevice) -> SafeString:
    """Return the QR code of `set_up_link` as SVG, drawn here: no service elsewhere learns the secret."""
    code = segno.make(set_up_link(device), error="m")
    return mark_safe(code.svg_inline(scale=5, border=3, light="#fff", svgclass=None, lineclass=None, omitsize=True))  # noqa: S308 - made of squares alone

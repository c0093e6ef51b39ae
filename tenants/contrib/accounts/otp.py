"""Two-factor authentication: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

django-otp stores the devices and verifies codes.
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
    """Tell whether staff of the active tenant, or operators of the platform, need a second factor."""
    tenant = current_tenant()
    return account_settings().operator_second_factor if tenant.is_platform else tenant.staff_second_factor


def is_enabled(user: Any) -> bool:
    return device_of(user) is not None


def is_satisfied(user: Any) -> bool:
    """Tell whether the user of a session has verified the second factor, or needs none.

    Only staff have one. An operator in a shop has verified it on the platform.
    """
    if not (user.is_authenticated and user.is_staff) or user.is_verified():
        return True
    return getattr(user, "has_operator_session", False) or not (is_required() or is_enabled(user))


def accepts_code(user: Any, code: str) -> bool:
    """Tell whether `code`, sent together with the right password, is enough to authenticate."""
    if is_enabled(user):
        return check_code(user, code) is not None
    return not (user.is_staff and is_required())


def unconfirmed_device(user: Any) -> TOTPDevice:
    """Return the device being set up, the same one until `confirm_device`."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return device or TOTPDevice.objects.create(user=user, confirmed=False, name="phone")


def device_of(user: Any) -> TOTPDevice | None:
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return device


def confirm_device(user: Any, code: str) -> list[str] | None:
    """Replace the user's device by the one being set up, and return recovery codes; None for a wrong code."""
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not device.verify_token(code):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        return new_recovery_codes(user)


def new_recovery_codes(user: Any) -> list[str]:
    """Replace the user's recovery codes; each works once."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="recovery codes")
        codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def recovery_codes_left(user: Any) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


def check_code(user: Any, code: str) -> Any:
    """Return the device that accepts the code, which cannot be used again; None for a wrong code.

    After each wrong code, django-otp doubles the time before the device accepts another: 1 second, 2, 4, ….
    """
    text = "".join(code.split()).replace("-", "").lower()
    # Only the device of this kind of code, so that the code does not count as a failure of the other.
    kind = TOTPDevice if text.isdecimal() and len(text) == 6 else StaticDevice
    device = kind.objects.filter(user=user, confirmed=True).first()
    return None if device is None else verify_token(user, device.persistent_id, text)


def disable(user: Any) -> bool:
    """Delete the user's devices, which ends sessions that they verified; return False if there were none."""
    was_enabled = is_enabled(user)
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    return was_enabled


def provisioning_uri(device: TOTPDevice) -> str:
    """Return the otpauth URI, which names the secret, the user and the shop."""
    tenant = current_tenant()
    issuer = (tenancy().base_domain if tenant.is_platform else tenant.name).replace(":", " ")
    label = quote(f"{issuer}:{device.user.get_username()}")
    query = {"secret": secret_text(device), "issuer": issuer, "digits": device.digits, "period": device.step}
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def secret_text(device: TOTPDevice) -> str:
    """Return the secret for typing it into the app."""
    return b32encode(device.bin_key).decode().rstrip("=")


def qr_code(device: TOTPDevice) -> SafeString:
    """Return the QR code as SVG, generated here so that no other server learns the secret."""
    code = segno.make(provisioning_uri(device), error="m")
    return mark_safe(code.svg_inline(scale=5, border=3, light="#fff", svgclass=None, lineclass=None, omitsize=True))  # noqa: S308 - contains only shapes

"""App config of the accounts: sign-in, two-factor authentication, invitations and password links."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenants.contrib.accounts.conf import AccountSettings


class AccountsConfig(AppConfig):
    name = "tenants.contrib.accounts"
    label = "tenants_accounts"
    verbose_name = _("Accounts")
    tenancy_settings = AccountSettings

    def ready(self) -> None:
        from tenants.contrib.accounts import checks  # noqa: F401  # registers itself

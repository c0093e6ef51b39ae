"""Apps of the shop, which all contenders install: those that belong to no engine."""

COMMON_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.admin",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
]
TENANT_APPS = ["shop.goods", "shop.customers", "shop.orders"]
OTHER_APPS = [
    "django_otp",
    "unfold",
    "shop.storefront",
    "whitenoise.runserver_nostatic",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
"""Without that which tells tenants apart, which comes first."""


def installed(apps: list[str]) -> list[str]:
    """Return what to install: the admin without the classes of the project's, which take Sangga for granted."""
    return ["django.contrib.admin.apps.SimpleAdminConfig" if app == "django.contrib.admin" else app for app in apps]

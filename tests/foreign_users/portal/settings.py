"""A project whose users are its own or Django's, in either place, with Django's admin or the engine's."""

import os

import environ
from django import VERSION

from tenants.isolation.signing import TenantSecretKey

USERS_IN = os.environ["PORTAL_USERS_IN"]  # public, tenants or both
OWN_USER = os.environ["PORTAL_USER"] == "own"
CONTRIB_ADMIN = os.environ["PORTAL_ADMIN"] == "contrib"

SECRET_KEY = TenantSecretKey("only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz")
ALLOWED_HOSTS = ["*"]

USERS_APPS = ["django.contrib.auth", "django.contrib.admin"]
if OWN_USER:
    AUTH_USER_MODEL = "people.Person"
    USERS_APPS.append("people")
if CONTRIB_ADMIN:
    USERS_APPS += ["django_otp.plugins.otp_totp", "django_otp.plugins.otp_static"]
SHARED_APPS = ["tenants", "billing"]
COMMON_APPS = ["django.contrib.contenttypes", "django.contrib.sessions"]
TENANT_APPS = ["board"]
{"public": SHARED_APPS, "tenants": TENANT_APPS, "both": COMMON_APPS}[USERS_IN].extend(USERS_APPS)
if USERS_IN != "public":
    TENANT_APPS.append("signed")
WITHOUT_TABLES = ["django.contrib.messages", "django.contrib.staticfiles", "rest_framework"]
if CONTRIB_ADMIN or USERS_IN == "both":
    SHARED_APPS.insert(0, "tenants.contrib.impersonation")
if CONTRIB_ADMIN:
    SHARED_APPS += ["tenants.contrib.limits", "tenants.contrib.api"]
    WITHOUT_TABLES = ["tenants.contrib.accounts", "unfold", "tenants.contrib.admin", "django_otp", *WITHOUT_TABLES]
# Templates of `impersonation` come before those of an admin.
IMPERSONATION = [app for app in SHARED_APPS if app == "tenants.contrib.impersonation"]
OTHERS = [app for app in SHARED_APPS if app not in IMPERSONATION]
INSTALLED_APPS = [*IMPERSONATION, *WITHOUT_TABLES, *OTHERS, *COMMON_APPS, *TENANT_APPS]

TENANTS = {
    "ORIGIN": "http://portal.localhost",
    "TENANT_URLCONF": "portal.urls_tenant",
    "SHARED_APPS": SHARED_APPS,
    "COMMON_APPS": COMMON_APPS,
    "TENANT_APPS": TENANT_APPS,
    "DOMAIN_RULES": ["portal.rules.only_in_example"],
}
SILENCED_SYSTEM_CHECKS = ["tenants.W007"] if USERS_IN == "public" else []

MIDDLEWARE = [
    "tenants.http.middleware.TenantMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tenants.http.csrf.SignedCsrfCookieMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    *(["django_otp.middleware.OTPMiddleware", "tenants.contrib.accounts.middleware.SecondFactorMiddleware"]
      if CONTRIB_ADMIN else []),
    "django.contrib.messages.middleware.MessageMiddleware",
]  # fmt: skip
ROOT_URLCONF = "portal.urls_platform"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.isolation.context_processors.tenant",
                *(["tenants.contrib.impersonation.session.operator_in_templates"] if USERS_IN == "both" else []),
            ],
        },
    },
]
DATABASES = {"default": {**environ.Env().db_url("DATABASE_URL"), "ENGINE": "tenants.postgresql"}}
for key in ("host", "port"):
    if key in DATABASES["default"].get("OPTIONS", {}):
        DATABASES["default"][key.upper()] = str(DATABASES["default"]["OPTIONS"].pop(key))
DATABASE_ROUTERS = ["tenants.isolation.router.TenantRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_ENGINE = "tenants.isolation.sessions"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
if CONTRIB_ADMIN or USERS_IN == "both":
    AUTHENTICATION_BACKENDS.append("tenants.contrib.impersonation.backend.OperatorBackend")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "admin:login"
USE_TZ = True
LOGGING = {
    "version": 1,
    "filters": {"tenant": {"()": "tenants.isolation.logging.TenantLogFilter"}},
    "formatters": {"line": {"format": "[{tenant}] {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["tenant"], "formatter": "line"}},
    "root": {"handlers": ["console"]},
}
STATIC_URL = "/static/"
MEDIA_ROOT = os.environ["PORTAL_MEDIA"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "tenants.isolation.cache.cache_key",
    },
}
STORAGES = {
    "default": {"BACKEND": "tenants.isolation.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if VERSION < (6, 1):
    EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
else:
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

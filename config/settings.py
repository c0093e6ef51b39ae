"""Settings of the project. docs/settings.md lists the environment variables."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from corsheaders.defaults import default_headers
from django import VERSION
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from config.mailers import mailers_of
from tenants.contrib.oauth.issuer import issuer
from tenants.isolation.signing import TenantSecretKey
from tenants.variants import variant_apps

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DATA_DIR = Path(env.str("SANGGA_DATA_DIR", default=str(BASE_DIR / ".sangga")))
ORIGIN = env.str("SANGGA_ORIGIN", default=f"http://localhost:{env.int('PORT', default=8000)}").rstrip("/")
_HTTPS, _HOST = urlsplit(ORIGIN).scheme == "https", urlsplit(ORIGIN).hostname or ""

# Derives a key for each tenant and epoch: a signature of one is invalid in another.
SECRET_KEY = TenantSecretKey(env.str("SECRET_KEY"))
SECRET_KEY_FALLBACKS = [TenantSecretKey(key) for key in env.list("SECRET_KEY_FALLBACKS", default=[])]
DEBUG = env.bool("DEBUG", default=False)
# The service that this process is. docs/services.md
SERVICE = env.str("SERVICE", default="all")

# Hosts are rows of the database. TenantMiddleware, the first middleware, returns 404 for unknown hosts.
ALLOWED_HOSTS = ["*"]

# --- Apps, by where their tables are ---------------------------------------------------------------------------
SHARED_APPS = [
    "tenants.contrib.impersonation",
    "tenants",
    "tenants.contrib.api",
    "tenants.contrib.limits",
    "tenants.contrib.mounts",
    "tenants.contrib.services",
    "procrastinate.contrib.django",
]
COMMON_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "tenants.contrib.admin.apps.AdminConfig",  # django.contrib.admin
    "axes",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
]
TENANT_APPS = ["shop.goods", "shop.customers", "shop.orders", "tenants.contrib.oauth"]
APPS_WITHOUT_TABLES = [
    "tenants.contrib.accounts",
    "unfold",
    "unfold.contrib.forms",
    "tenants.contrib.admin",
    "tenants.contrib.devserver",
    "tenants.contrib.gateway",
    "tenants.contrib.observability",
    "tenants.contrib.tasks",
    "shop.storefront",
    "shop.mounts",
    "whitenoise.runserver_nostatic",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "csp",
    "django_otp",
    "tenants.contrib.oauth.toolkit_app.ToolkitConfig",  # oauth2_provider; `tenants.contrib.oauth` swaps its models
]
if _HOST == "localhost" or _HOST.endswith(".localhost"):
    APPS_WITHOUT_TABLES.append("shop.demo")  # commands that create users and print their passwords: never in production
# A package with a folder for each variant. docs/variants.md
VARIANTS = "shop.variants"
# The earlier app wins: `impersonation` overrides a command of `tenants` and a template of `unfold`, and these override
# those of Django. The storefront overrides a template of `tenants.contrib.oauth`.
INSTALLED_APPS = [*SHARED_APPS, *APPS_WITHOUT_TABLES[:3], *COMMON_APPS, *APPS_WITHOUT_TABLES[3:], *TENANT_APPS]
INSTALLED_APPS += variant_apps(VARIANTS)

TENANTS: dict[str, Any] = {
    "ORIGIN": ORIGIN,
    "PLATFORM_HOSTS": env.list("SANGGA_PLATFORM_HOSTS", default=["127.0.0.1", "[::1]"]),
    "TENANT_URLCONF": "config.urls_tenant",
    "PATH_PREFIX": env.str("SANGGA_PATH_PREFIX", default=""),
    "SHARED_APPS": SHARED_APPS,
    "TENANT_APPS": TENANT_APPS,
    "COMMON_APPS": COMMON_APPS,
    "VARIANTS": VARIANTS,
    "STEPS": [
        "tenants.lifecycle.owner.create_owner",
        "shop.steps.create_staff_groups",
        "tenants.contrib.oauth.keys.create_first_key",
    ],
    "CLONE_LEAVES_OUT": [
        "sessions.Session",
        "oauth.Grant",
        "oauth.AccessToken",
        "oauth.RefreshToken",
        "oauth.SigningKey",
        "oauth.RevokedToken",
        "oauth.ApiKey",
        *(f"axes.{name}" for name in ("AccessAttempt", "AccessAttemptExpiration", "AccessFailureLog", "AccessLog")),
    ],
    "OPERATOR_SECOND_FACTOR": env.bool("SANGGA_OPERATOR_SECOND_FACTOR", default=False),
    "TRUSTED_PROXIES": env.int("SANGGA_TRUSTED_PROXIES", default=0 if SERVICE in {"all", "gateway"} else 1),
    "SERVICE": SERVICE,
    "OTLP_ENDPOINT": env.str("SANGGA_OTLP_ENDPOINT", default=""),
    "METRICS_TOKEN": env.str("SANGGA_METRICS_TOKEN", default=""),
    "GATEWAY_LIMITS_FACTOR": env.int("SANGGA_GATEWAY_LIMITS_FACTOR", default=10),
    "GATEWAY_CONCURRENCY": env.int("SANGGA_GATEWAY_CONCURRENCY", default=0),
    "BACKUP_DIR": env.str("SANGGA_BACKUP_DIR", default=str(DATA_DIR / "backups")),
    "ANONYMIZERS": ["shop.anonymize.anonymize_customers", "shop.anonymize.anonymize_orders"],
    "API_DEPRECATED": env.list("SANGGA_API_DEPRECATED", default=[]),
    # Behind a gateway, the gateway has already identified the token.
    "API_BEARERS": [
        "tenants.contrib.oauth.bearer.bearer"
        if SERVICE in {"all", "gateway"}
        else "tenants.contrib.oauth.gateway_bearer.bearer",
    ],
    "API_SUNSET": env.list("SANGGA_API_SUNSET", default=[]),
    "MOUNTS": {
        "prices": "shop.mounts.price_list.create_app",
        "backoffice": "shop.mounts.backoffice.create_app",
    },
    "EXTENSION_SCHEMA": env.str("SANGGA_EXTENSION_SCHEMA", default="extensions"),
    "ROLE_PER_TENANT": env.bool("SANGGA_ROLE_PER_TENANT", default=True),
    # Limits of one shop in each process. The first plan is the default; 0 is no limit. Python runs one thread at a
    # time: a higher concurrency makes no request faster, and those of other shops slower.
    "PLANS": {
        "standard": {"CONCURRENCY": 2, "QUEUE": 20, "RATE": 50, "BURST": 250, "STATEMENT_SECONDS": 5},
        "large": {"CONCURRENCY": 8, "QUEUE": 40, "RATE": 200, "BURST": 1000, "STATEMENT_SECONDS": 30},
        "unlimited": {},
    },
    "PLATFORM_LIMITS": {"CONCURRENCY": 2, "QUEUE": 12, "RATE": 50, "BURST": 250, "STATEMENT_SECONDS": 30},
    "ADDRESS_CONCURRENCY": env.int("SANGGA_ADDRESS_CONCURRENCY", default=32),
    "MAX_WAITING_REQUESTS": env.int("SANGGA_MAX_WAITING_REQUESTS", default=36),
    "MAX_REQUEST_BODIES": env.int("SANGGA_MAX_REQUEST_BODIES", default=12),
    "BODY_SECONDS": env.float("SANGGA_BODY_SECONDS", default=10.0),
}

MIDDLEWARE = [
    "tenants.http.middleware.TenantMiddleware",
    "tenants.contrib.services.middleware.GatewayIdentityMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "tenants.contrib.admin.content_security_policy.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.contrib.mounts.queue_middleware.MountQueueMiddleware",
    "tenants.contrib.limits.middleware.LimitMiddleware",
    "tenants.contrib.oauth.cors.TenantCorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tenants.http.locale.TenantLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "tenants.http.csrf.SignedCsrfCookieMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "tenants.contrib.accounts.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tenants.contrib.mounts.middleware.MountMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it replaces the response of a view after too many failed logins
]

ROOT_URLCONF = "config.urls_platform"
if SERVICE == "example":
    TENANTS["TENANT_URLCONF"] = ROOT_URLCONF = "examples.urls_mesh"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": ["tenants.variants.templates.Loader"],  # the tenant's variant first, then the apps
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.isolation.context_processors.tenant",
                "tenants.contrib.impersonation.session.operator_in_templates",
            ],
        },
    },
]

# --- Database --------------------------------------------------------------------------------------------------
_DATABASE_URL = env.str("DATABASE_URL", default="")
try:
    _DATABASE = env.db_url_config(_DATABASE_URL or "postgresql:///sangga")
except (ValueError, ImproperlyConfigured):  # its message has a part of the password
    raise ImproperlyConfigured(
        "DATABASE_URL is not a valid PostgreSQL URL. Use postgresql://USER:PASSWORD@HOST:PORT/NAME and percent-encode "
        "special characters of the password: %40 for @, %2F for /."
    ) from None
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_DATABASE,
        "ENGINE": "tenants.postgresql" if _DATABASE_URL else "tenants.contrib.devserver.postgresql",
        "CONN_MAX_AGE": 0,  # the pool keeps connections
        "CONN_HEALTH_CHECKS": True,
    },
}
_OPTIONS = DATABASES["default"].setdefault("OPTIONS", {})
if (_POOL_SIZE := env.int("SANGGA_POOL_SIZE", default=10)) > 0:
    _OPTIONS["pool"] = {"min_size": 0, "max_size": _POOL_SIZE, "timeout": 10}
if not _DATABASE_URL:
    _OPTIONS["embedded"] = str(DATA_DIR / "postgres")
if _DIRECT_URL := env.str("DATABASE_DIRECT_URL", default=""):
    _OPTIONS["direct"] = _DIRECT_URL
    # DATABASE_URL is that of a pooler then, which loses cursors that outlive their transaction.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
# `postgresql:///name?host=/run/postgresql` puts them into OPTIONS, which `dbshell` does not read.
for _key in ("host", "port"):
    if _key in _OPTIONS:
        DATABASES["default"][_key.upper()] = str(_OPTIONS.pop(_key))
DATABASE_ROUTERS = ["tenants.isolation.router.TenantRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Background tasks ------------------------------------------------------------------------------------------
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = None  # workers run the engine's operations only

# --- Users -----------------------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# The first hashes new passwords; older hashes are upgraded at the next login. All of them are Django's, with a limit on
# concurrent hashing.
PASSWORD_HASHERS = [
    f"tenants.contrib.limits.password_hashers.{name}PasswordHasher"
    for name in ("Argon2", "PBKDF2", "PBKDF2SHA1", "Scrypt")
]
# Axes blocks clients with too many failures, before a password is hashed.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "tenants.contrib.impersonation.backend.OperatorBackend",
]
AXES_LOCKOUT_PARAMETERS = ["ip_address"]  # not by username: anyone could lock out an owner
AXES_FAILURE_LIMIT = env.int("SANGGA_LOGIN_FAILURES", default=10)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("SANGGA_LOGIN_COOLOFF_MINUTES", default=15))
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "tenants.http.client_ip.get_client_ip"
AXES_LOCKOUT_CALLABLE = "tenants.contrib.accounts.lockout.too_many_failures"
AXES_DISABLE_ACCESS_LOG = True  # Django stores the last login, and nothing needs more
AXES_ENABLE_ADMIN = AXES_VERBOSE = False

LOGIN_URL = "admin:login"  # of the platform or of a tenant, by host
SESSION_ENGINE = "tenants.isolation.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
# No other host, such as a tenant of the same domain, can set a cookie with this prefix.
_HOST_ONLY = "__Host-" if _HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_HOST_ONLY}sessionid", f"{_HOST_ONLY}csrftoken"
LANGUAGE_COOKIE_NAME = f"{_HOST_ONLY}language"

# --- Tokens of the API (tenants.contrib.oauth) ------------------------------------------------------------------
MIGRATION_MODULES = {"oauth2_provider": None}  # no tables: the models of tenants.contrib.oauth replace its own
# For pages of other origins that a client of the shop has registered; never with cookies.
CORS_URLS_REGEX = r"^/(api/|oauth/(token|revoke|userinfo)$)"
CORS_ALLOW_HEADERS = (*default_headers, "if-match", "if-none-match", "idempotency-key", "x-api-version")
CORS_EXPOSE_HEADERS = (
    "deprecation", "etag", "link", "location", "retry-after", "sunset", "www-authenticate", "x-api-version",
    "x-request-id",
)  # fmt: skip
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth.Application"
OAUTH2_PROVIDER_GRANT_MODEL = "oauth.Grant"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "oauth.AccessToken"  # noqa: S105
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "oauth.RefreshToken"  # noqa: S105
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "oauth.IDToken"  # noqa: S105
OAUTH2_PROVIDER_DEVICE_GRANT_MODEL = "oauth.DeviceGrant"
OAUTH2_PROVIDER = {
    "OAUTH2_VALIDATOR_CLASS": "tenants.contrib.oauth.validator.Validator",
    "ACCESS_TOKEN_GENERATOR": "tenants.contrib.oauth.validator.make_access_token",
    "REFRESH_TOKEN_GENERATOR": "tenants.contrib.oauth.validator.make_refresh_token",
    "SCOPES_BACKEND_CLASS": "tenants.contrib.oauth.scopes.TenantScopes",
    "ID_TOKEN_ADMIN_CLASS": "django.contrib.admin.ModelAdmin",  # of a site without URLs
    "OIDC_ENABLED": True,
    "ALLOWED_SCHEMES": ["https", "http"],  # of origins; `Application.clean` allows http for localhost only
    "OIDC_ISS_ENDPOINT": lazy(issuer, str)(),  # differs by tenant
    "OAUTH_PRE_TOKEN_VALIDATION": [],  # for the device grant, which is not offered
    "ACCESS_TOKEN_EXPIRE_SECONDS": 15 * 60,
    "ID_TOKEN_EXPIRE_SECONDS": 15 * 60,
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 24 * 3600,  # since the last use
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    # OAuth 2.0 Security Best Current Practice (RFC 9700), all of it.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
}

# --- Security headers ------------------------------------------------------------------------------------------
# Scripts and styles come from static files only. Error pages of unknown hosts load the platform's style sheet.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", ORIGIN],
        "img-src": ["'self'", ORIGIN, "data:", "https:"],  # pictures of goods may be elsewhere
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "upgrade-insecure-requests": _HTTPS,
    },
}
SECURE_SSL_REDIRECT = _HTTPS
SECURE_HSTS_SECONDS = env.int("SANGGA_HSTS_SECONDS", default=365 * 24 * 3600) if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True  # of the origin's host only, never of a shop's own domain
SECURE_HSTS_PRELOAD = env.bool("SANGGA_HSTS_PRELOAD", default=False)
if TENANTS["TRUSTED_PROXIES"]:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Browsers keep preloaded domains for years, so that the operator decides.
SILENCED_SYSTEM_CHECKS = [] if SECURE_HSTS_PRELOAD else ["security.W021"]
# Plain http redirects are for localhost only (tenants.contrib.oauth.validators).
SILENCED_SYSTEM_CHECKS.append("oauth2_provider.W008")

# --- Language and time -----------------------------------------------------------------------------------------
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
FORMAT_MODULE_PATH = "config.formats"
LOCALE_PATHS = [BASE_DIR / "shop" / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Seoul")
USE_TZ = True

# --- Admin of a shop (unfold calls the functions with the request) -------------------------------------------------
UNFOLD_SHOP = {
    "SITE_TITLE": "shop.admin_site.shop_name",
    "SITE_HEADER": "shop.admin_site.shop_name",
    "SITE_SUBHEADER": _("Shop administration"),
    "SITE_URL": "shop.admin_site.storefront_url",
    "SITE_SYMBOL": "storefront",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "shop.admin_site.icon_url"}],
    "DASHBOARD_CALLBACK": "shop.orders.dashboard.dashboard",
    "SHOW_LANGUAGES": True,
    "SIDEBAR": {"show_search": True, "navigation": "shop.admin_site.sidebar"},
}

# --- Files -----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.str("SANGGA_STATIC_ROOT", default="") or None  # for collectstatic, if it is used
# For the page of the API documentation. Ninja is not in INSTALLED_APPS: loading it would slow every command by 0.1 s.
STATICFILES_DIRS = [Path(spec.origin).parent / "static" for spec in [find_spec("ninja")] if spec and spec.origin]
WHITENOISE_USE_FINDERS = True  # WhiteNoise finds files in apps: collectstatic is not needed
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env.str("SANGGA_MEDIA_ROOT", default=str(DATA_DIR / "media")))
STORAGES = {
    "default": {"BACKEND": "tenants.isolation.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "tenants.isolation.cache.cache_key",
    },
}

_EMAIL = env.email("EMAIL_URL", default="consolemail://")
if VERSION < (6, 1):
    globals().update(_EMAIL)
else:
    MAILERS = mailers_of(_EMAIL)

# For the debug page and mails to admins, without passwords and keys.
DEFAULT_EXCEPTION_REPORTER = "tenants.contrib.observability.error_reports.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "tenants.contrib.observability.error_reports.ReporterFilter"

# --- Logs ------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "tenant": {"()": "tenants.isolation.logging.TenantLogFilter"},
        "links": {"()": "tenants.contrib.observability.logs.RedactionLogFilter"},
        "request": {"()": "tenants.contrib.observability.logs.RequestIdLogFilter"},
    },
    "formatters": {
        "line": {"format": "{asctime} {levelname} [{tenant}] {name}: {message}{in_request}", "style": "{"},
        "json": {"()": "tenants.contrib.observability.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["tenant", "links", "request"],
            "formatter": env.str("LOG_FORMAT", default="line"),
        },
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}

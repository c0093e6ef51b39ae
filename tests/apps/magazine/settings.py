"""A magazine with many apps of other people, each configured as its own documentation says."""

import os
from pathlib import Path

from tenants.isolation.signing import TenantSecretKey

FOLDER = Path(os.environ.get("MAGAZINE_DATA") or Path(__file__).resolve().parents[3] / ".sangga" / "apps")
REDIS = os.environ.get("MAGAZINE_REDIS", "")
"""URL of a Redis; empty: the apps that need one are left out."""

SECRET_KEY = TenantSecretKey("only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz")
DEBUG = False
ALLOWED_HOSTS = ["*"]
SITE_ID = 1

SHARED_APPS = ["tenants", "django_celery_beat"]
# Apps whose middleware works at the platform's host too have tables there.
COMMON_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.admin",
    "debug_toolbar",
    "guardian",
    "reversion",
    "silk",
    "waffle",
]
TENANT_APPS = [
    "allauth.account",
    "allauth.socialaccount",
    "articles",
    "constance",
    "django_celery_results",
    "django_q",
    "easy_thumbnails",
    "rest_framework.authtoken",
    "taggit",
]
APPS_WITHOUT_TABLES = [
    "cacheops",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "channels",
    "django_filters",
    "import_export",
    "rest_framework",
    "simple_history",
    "tenants.contrib.celery",
    "treebeard",
]
INSTALLED_APPS = [*SHARED_APPS, *COMMON_APPS, *APPS_WITHOUT_TABLES, *TENANT_APPS]
TENANTS = {
    "ORIGIN": "http://magazine.example",
    "TENANT_URLCONF": "magazine.urls_tenant",
    "SHARED_APPS": SHARED_APPS,
    "COMMON_APPS": COMMON_APPS,
    "TENANT_APPS": TENANT_APPS,
}

MIDDLEWARE = [
    "tenants.http.middleware.TenantMiddleware",
    "debug_toolbar.middleware.DebugToolbarMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "tenants.http.csrf.SignedCsrfCookieMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "silk.middleware.SilkyMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "reversion.middleware.RevisionMiddleware",
    "waffle.middleware.WaffleMiddleware",
]
ROOT_URLCONF = "magazine.urls_platform"
ASGI_APPLICATION = "magazine.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {
    "default": {
        "ENGINE": "tenants.contrib.devserver.postgresql",
        "NAME": os.environ.get("MAGAZINE_DATABASE", "magazine"),
        "OPTIONS": {"embedded": str(FOLDER / "postgres")},
    },
}
DATABASE_ROUTERS = ["tenants.isolation.router.TenantRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SESSION_ENGINE = "tenants.isolation.sessions"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"tenant": {"()": "tenants.isolation.logging.TenantLogFilter"}},
    "formatters": {"line": {"format": "[{tenant}] {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["tenant"], "formatter": "line"}},
    "root": {"handlers": ["console"]},
}
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = str(FOLDER / "media")
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
if REDIS:
    CACHES["redis"] = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"{REDIS}/1",
        "KEY_FUNCTION": "tenants.isolation.cache.cache_key",
    }

# --- Settings of the apps --------------------------------------------------------------------------------------
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "tenants.contrib.channels.layers.TenantChannelLayer",
        "CONFIG": {"backend": "channels.layers.InMemoryChannelLayer"},
    },
}
if REDIS:
    CHANNEL_LAYERS["default"]["CONFIG"] = {
        "backend": "channels_redis.core.RedisChannelLayer",
        # redis-py 8 gives up reading after five seconds by default, and the layer waits for messages as long as that.
        "hosts": [{"address": f"{REDIS}/2", "socket_timeout": 60}],
    }
CONSTANCE_BACKEND = "constance.backends.database.DatabaseBackend"
CONSTANCE_CONFIG = {"HEADLINE": ("News", "The words above the list of articles")}
CONSTANCE_DATABASE_CACHE_BACKEND = "redis" if REDIS else None
CACHEOPS_ENABLED = False  # its test enables it: it caches rows that other tests roll back
CACHEOPS_REDIS = f"{REDIS}/4"
CACHEOPS_PREFIX = "tenants.isolation.cache.tenant_prefix"
CACHEOPS = {"articles.*": {"ops": "all", "timeout": 60}}
CELERY_BROKER_URL = f"{REDIS}/3"
CELERY_RESULT_BACKEND = "django-db"
DEBUG_TOOLBAR_CONFIG = {
    "SHOW_TOOLBAR_CALLBACK": lambda request: "toolbar" in request.GET or request.path.startswith("/__debug__/"),
    "IS_RUNNING_TESTS": False,
    "TOOLBAR_STORE_CLASS": "debug_toolbar.store.DatabaseStore",  # one in memory shows all tenants' requests
}
IMPORT_EXPORT_TMP_STORAGE_CLASS = "import_export.tmp_storages.CacheStorage"  # a folder would be every tenant's
Q_CLUSTER = {"name": "magazine", "orm": "default", "workers": 1, "timeout": 30, "retry": 60, "poll": 0.1}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min"},
}
SILKY_PYTHON_PROFILER = True
SILKY_STORAGE_CLASS = "tenants.isolation.storage.TenantFileSystemStorage"  # profiles of all tenants were in one folder
THUMBNAIL_ALIASES = {"": {"small": {"size": (8, 8), "crop": True}}}

# What a test breaks, one thing at a time.
if broken := os.environ.get("MAGAZINE_BROKEN"):
    exec(broken)

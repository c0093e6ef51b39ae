"""One app in a project of each engine, by the first pages of that engine's documentation."""

from __future__ import annotations

from dataclasses import dataclass, field

_MODELS = """
from django.db import models


class Note(models.Model):
    text = models.CharField(max_length=200)
"""

_URLS = """
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

from notes.models import Note


def home(request):
    return HttpResponse(str([note.text for note in Note.objects.all()]))


urlpatterns = [path("", home), path("admin/", admin.site.urls)]
"""


@dataclass(frozen=True, slots=True)
class Project:
    """What has to be written and typed; `{url}`, `{host}`, `{port}`, `{user}` and `{name}` are the database's."""

    label: str
    requirements: tuple[str, ...]
    """For pip; `{root}` is this clone."""
    settings: str
    """What is added at the end of the settings of `startproject`."""
    files: dict[str, str] = field(default_factory=dict)
    """Other files, by path."""
    migrate: tuple[str, ...] = ("migrate",)
    create: str = ""
    """Python that makes the tenants `acme` and `globex`, with hosts below localhost."""
    commands: tuple[tuple[str, ...], ...] = ()
    """Commands of `manage.py` that make them, where there are such commands."""


_NOTES = {"notes/models.py": _MODELS}

SANGGA = Project(
    "Sangga",
    ("{root}", "psycopg[binary]"),
    """
import tenants

tenants.configure(
    globals(),
    tenant=["notes"],
    tenant_urlconf="project.urls_tenant",
    database_url="{url}",
)
""",
    {**_NOTES, "project/urls_tenant.py": _URLS},
    commands=(
        ("create_tenant", "acme", "--owner-email", "ann@acme.example"),
        ("create_tenant", "globex", "--owner-email", "bob@globex.example"),
    ),
)

_CREATE = """
from clients.models import Client, Domain

for name in ("acme", "globex"):
    client = Client(schema_name=name)
    client.save(verbosity=0)
    Domain.objects.create(domain=f"{name}.localhost", tenant=client, is_primary=True)
"""

DJANGO_TENANTS = Project(
    "django-tenants",
    ("django-tenants", "psycopg[binary,pool]"),
    """
SHARED_APPS = ["django_tenants", "clients", *INSTALLED_APPS]
TENANT_APPS = [*INSTALLED_APPS, "notes"]
INSTALLED_APPS = [*SHARED_APPS, "notes"]
TENANT_MODEL = "clients.Client"
TENANT_DOMAIN_MODEL = "clients.Domain"
DATABASES = {{
    "default": {{
        "ENGINE": "django_tenants.postgresql_backend",
        "NAME": "{name}",
        "USER": "{user}",
        "HOST": "{host}",
        "PORT": "{port}",
    }}
}}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
ALLOWED_HOSTS = [".localhost"]
""",
    {
        **_NOTES,
        "project/urls.py": _URLS,
        "clients/models.py": """
from django_tenants.models import DomainMixin, TenantMixin


class Client(TenantMixin):
    auto_create_schema = True


class Domain(DomainMixin):
    pass
""",
    },
    migrate=("migrate_schemas", "--shared"),
    create=_CREATE,
)

DJANGO_PGSCHEMAS = Project(
    "django-pgschemas",
    ("django-pgschemas", "psycopg[binary,pool]"),
    """
TENANTS = {{
    "public": {{"APPS": ["django_pgschemas", "clients", *INSTALLED_APPS]}},
    "default": {{
        "TENANT_MODEL": "clients.Client",
        "DOMAIN_MODEL": "clients.Domain",
        "APPS": [*INSTALLED_APPS, "notes"],
        "URLCONF": "project.urls_tenant",
    }},
}}
INSTALLED_APPS = ["django_pgschemas", "clients", *INSTALLED_APPS, "notes"]
DATABASES = {{
    "default": {{
        "ENGINE": "django_pgschemas.postgresql",
        "NAME": "{name}",
        "USER": "{user}",
        "HOST": "{host}",
        "PORT": "{port}",
    }}
}}
DATABASE_ROUTERS = ["django_pgschemas.routers.TenantAppsRouter"]
MIDDLEWARE = ["django_pgschemas.routing.middleware.DomainRoutingMiddleware", *MIDDLEWARE]
ALLOWED_HOSTS = [".localhost"]
""",
    {
        **_NOTES,
        "project/urls_tenant.py": _URLS,
        "clients/models.py": """
from django_pgschemas.models import TenantModel
from django_pgschemas.routing.models import DomainModel


class Client(TenantModel):
    pass


class Domain(DomainModel):
    pass
""",
    },
    migrate=("migrate", "--schema", "public"),
    create=_CREATE,
)

PROJECTS = (SANGGA, DJANGO_TENANTS, DJANGO_PGSCHEMAS)

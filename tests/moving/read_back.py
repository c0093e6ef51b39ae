"""What the old project, with django-tenants, reads in one of its schemas: `read_back.py SCHEMA`."""

import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "project.with_django_tenants"

import django

django.setup()

from django.contrib.auth import authenticate
from django.core.management import call_command
from django_tenants.utils import schema_context

from shop.models import Goods, Tag

schema = sys.argv[1]
call_command("migrate_schemas", schema_name=schema, verbosity=0)
with schema_context(schema):
    Goods.objects.create(name="made later")
    facts = {
        "goods": list(Goods.objects.order_by("pk").values_list("name", flat=True)),
        "tags": [tag.goods.count() for tag in Tag.objects.all()],
        "owner": getattr(authenticate(username="owner", password=f"password of {schema}"), "username", ""),
    }
print(json.dumps(facts))

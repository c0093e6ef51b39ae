"""The migration that all tenants get: one column with a default, and an index on it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations, models

from shop.goods import migrations as own

_LAST = max(path.stem for folder in own.__path__ for path in Path(folder).glob("[0-9]*.py"))


class Migration(migrations.Migration):
    dependencies = [("goods", _LAST)]
    operations = [
        migrations.AddField("goods", "origin", models.CharField(max_length=2, default="KR")),
        migrations.AddIndex("goods", models.Index(fields=["origin"], name="goods_by_origin")),
    ]

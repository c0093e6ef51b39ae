"""Let the cache of one tenant be emptied: the generation is part of its keys."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_services")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="cache_generation",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="generation of the cache"),
        ),
    ]

"""Give every tenant an epoch of its own: a default of the column would be the same for all that are there."""

from django.db import migrations, models

import tenants.isolation.signing


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_operations")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="epoch",
            field=models.CharField(
                default=tenants.isolation.signing.new_epoch, editable=False, max_length=32, verbose_name="epoch"
            ),
        ),
        migrations.RunSQL(
            "UPDATE tenants_tenant SET epoch = replace(gen_random_uuid()::text, '-', '')", migrations.RunSQL.noop
        ),
    ]

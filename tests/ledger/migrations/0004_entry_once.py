from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_fill_code")]
    operations = [
        migrations.AddConstraint(
            "Entry", models.UniqueConstraint(fields=["account", "text"], name="entry_once")
        ),
    ]

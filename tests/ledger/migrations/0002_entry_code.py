from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        migrations.AddField("Entry", "code", models.CharField(max_length=20, default="none", db_index=True)),
    ]

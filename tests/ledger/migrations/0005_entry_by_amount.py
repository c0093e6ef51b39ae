from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ledger", "0004_entry_once")]
    operations = [AddIndexConcurrently("Entry", models.Index(fields=["amount"], name="entry_by_amount"))]

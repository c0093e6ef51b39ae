from django.db import migrations


def fill(apps, schema_editor):
    Entry = apps.get_model("ledger", "Entry")
    ContentType = apps.get_model("contenttypes", "ContentType")
    kind = ContentType.objects.get_for_model(Entry).pk
    for entry in Entry.objects.all():
        entry.code = f"{kind}-{entry.pk}"
        entry.save()


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_entry_code"), ("contenttypes", "0002_remove_content_type_name")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]

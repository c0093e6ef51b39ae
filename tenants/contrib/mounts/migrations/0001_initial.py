"""The table of mounts, and a trigger that notifies every process of a change."""

import django.db.models.deletion
import tenants.contrib.mounts.models
from django.db import migrations, models


NOTIFY = """
CREATE TRIGGER tenants_notify_change AFTER INSERT OR UPDATE OR DELETE ON tenants_mounts_mount
    FOR EACH ROW EXECUTE FUNCTION tenants_notify_change('tenant_id');
"""

NOTIFY_NO_MORE = """
DROP TRIGGER tenants_notify_change ON tenants_mounts_mount;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('app', models.CharField(max_length=63, verbose_name='application')),
                ('path', models.CharField(blank=True, help_text='Such as backend for /backend/. Empty: the tenant’s whole host.', max_length=100, validators=[tenants.contrib.mounts.models.check_mount_path], verbose_name='path')),
                ('is_on', models.BooleanField(default=True, verbose_name='enabled')),
                ('is_for_staff', models.BooleanField(default=True, help_text='Other visitors are redirected to the login page of the shop’s admin.', verbose_name='staff only')),
                ('options', models.JSONField(blank=True, default=dict, help_text='Keyword arguments for the factory, as JSON.', verbose_name='options')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mounts', to='tenants.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'mount',
                'verbose_name_plural': 'mounts',
                'ordering': ['path'],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'path'), name='one_mount_at_a_path', violation_error_message='A mount with this path already exists.')],
            },
        ),
        migrations.RunSQL(NOTIFY, NOTIFY_NO_MORE),
    ]

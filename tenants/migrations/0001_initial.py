"""The control plane's tables, and triggers that notify every process when a tenant or domain changes."""

import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.isolation.signing
import tenants.models.fields
import tenants.models.tenant
from django.db import migrations, models


NOTIFY = """
CREATE FUNCTION tenants_notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    tenant_column text := TG_ARGV[0];
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        PERFORM pg_notify('tenants_changed', to_jsonb(OLD) ->> tenant_column);
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        PERFORM pg_notify('tenants_changed', to_jsonb(NEW) ->> tenant_column);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tenants_notify_change AFTER INSERT OR UPDATE OR DELETE ON tenants_tenant
    FOR EACH ROW EXECUTE FUNCTION tenants_notify_change('id');
CREATE TRIGGER tenants_notify_change AFTER INSERT OR UPDATE OR DELETE ON tenants_domain
    FOR EACH ROW EXECUTE FUNCTION tenants_notify_change('tenant_id');
"""

NOTIFY_NO_MORE = """
DROP TRIGGER tenants_notify_change ON tenants_domain;
DROP TRIGGER tenants_notify_change ON tenants_tenant;
DROP FUNCTION tenants_notify_change();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='at')),
                ('actor', models.CharField(max_length=200, verbose_name='who')),
                ('action', models.CharField(max_length=50, verbose_name='what')),
                ('tenant_id', models.BigIntegerField(db_index=True, verbose_name='tenant id')),
                ('slug', models.CharField(max_length=63, verbose_name='slug')),
                ('detail', models.JSONField(default=dict, verbose_name='detail')),
            ],
            options={
                'verbose_name': 'audit event',
                'verbose_name_plural': 'audit events',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Operation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=50, verbose_name='what')),
                ('slug', models.CharField(blank=True, help_text='At the time of the request.', max_length=63, verbose_name='tenant')),
                ('tenant_id', models.BigIntegerField(db_index=True, null=True, verbose_name='tenant id')),
                ('epoch', models.CharField(blank=True, db_default='', default='', help_text='Of the tenant at that time.', max_length=32, verbose_name='epoch')),
                ('purge_after', models.DateTimeField(help_text='Of the deletion at that time; a later deletion is not purged.', null=True, verbose_name='purge after')),
                ('tenant_ids', models.JSONField(help_text='Of the tenants that are named.', null=True, verbose_name='tenant ids')),
                ('release', models.CharField(blank=True, db_default='', default='', help_text='Of the code that made the request, by its migrations.', max_length=64, verbose_name='release')),
                ('arguments', models.JSONField(default=dict, verbose_name='arguments')),
                ('asked_by', models.CharField(max_length=200, verbose_name='who')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='waiting', max_length=20, verbose_name='state')),
                ('done', models.PositiveBigIntegerField(default=0, verbose_name='done')),
                ('total', models.PositiveBigIntegerField(default=0, help_text='0: unknown.', verbose_name='total')),
                ('message', models.TextField(blank=True, verbose_name='message')),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('report', models.JSONField(default=dict, help_text='Additional results of this kind of operation.', verbose_name='report')),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='Attempts since the operation was last interrupted in an orderly way.', verbose_name='attempts')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='requested at')),
                ('started_at', models.DateTimeField(null=True, verbose_name='started at')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished at')),
            ],
            options={
                'verbose_name': 'operation',
                'verbose_name_plural': 'operations',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=64, unique=True, verbose_name='fingerprint')),
                ('migrated_at', models.DateTimeField(help_text='When it first migrated the control plane.', null=True, verbose_name='migrated at')),
                ('worker_at', models.DateTimeField(help_text='Last heartbeat of a worker of this release.', null=True, verbose_name='worker at')),
            ],
            options={
                'verbose_name': 'release',
                'verbose_name_plural': 'releases',
            },
        ),
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(help_text="The first part of the shop's address: lower-case letters, digits and hyphens.", max_length=63, unique=True, validators=[tenants.models.tenant.check_slug], verbose_name='slug')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('status', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended'), ('deleted', 'Deleted'), ('purging', 'Being purged')], default='active', editable=False, max_length=20, verbose_name='status')),
                ('variant', models.CharField(default='default', editable=False, max_length=63, verbose_name='variant')),
                ('server', models.CharField(default='main', editable=False, max_length=63, verbose_name='server')),
                ('role', models.CharField(blank=True, editable=False, max_length=63, verbose_name='PostgreSQL role')),
                ('language', models.CharField(default='en', max_length=10, verbose_name='language')),
                ('currency', models.CharField(default='KRW', max_length=3, verbose_name='currency')),
                ('time_zone', models.CharField(default='Asia/Seoul', max_length=63, verbose_name='time zone')),
                ('api_version', models.CharField(blank=True, help_text='For API requests that do not name a version. Empty: the platform’s default.', max_length=10, verbose_name='API version')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('notice', models.TextField(blank=True, editable=False, help_text='Shown to visitors while the shop is suspended.', verbose_name='notice')),
                ('bypass', models.CharField(blank=True, editable=False, max_length=64, verbose_name='bypass secret')),
                ('purge_after', models.DateTimeField(editable=False, null=True, verbose_name='purge after')),
                ('cache_generation', models.PositiveIntegerField(default=0, editable=False, verbose_name='generation of the cache')),
                ('epoch', models.CharField(default=tenants.isolation.signing.new_epoch, editable=False, max_length=32, verbose_name='epoch')),
                ('plan', models.CharField(blank=True, max_length=63, verbose_name='plan')),
                ('max_concurrency', models.PositiveIntegerField(blank=True, help_text='For each process of the web server.', null=True, verbose_name='concurrent requests')),
                ('max_queue', models.PositiveIntegerField(blank=True, help_text='Requests that wait for a concurrent one to finish; more are rejected.', null=True, verbose_name='queued requests')),
                ('max_rate', models.PositiveIntegerField(blank=True, help_text='On average, for each process of the web server.', null=True, verbose_name='requests per second')),
                ('max_burst', models.PositiveIntegerField(blank=True, help_text='Requests that can come at once after a quiet period.', null=True, verbose_name='burst size')),
                ('max_statement_seconds', models.PositiveIntegerField(blank=True, help_text='PostgreSQL cancels longer statements of requests; commands and jobs have no limit.', null=True, verbose_name='statement timeout (seconds)')),
                ('staff_second_factor', models.BooleanField(default=False, help_text='Staff of the shop’s admin also sign in with a code from their phone.', verbose_name='require two-factor authentication for staff')),
            ],
            options={
                'verbose_name': 'tenant',
                'verbose_name_plural': 'tenants',
                'ordering': ['slug'],
                'permissions': [('enter_tenant', 'Can log in to a shop as an operator')],
            },
        ),
        migrations.CreateModel(
            name='SchemaState',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='state', serialize=False, to='tenants.tenant')),
                ('fingerprint', models.CharField(blank=True, max_length=64, verbose_name='fingerprint')),
                ('release', models.CharField(blank=True, db_default='', default='', help_text='The code that wrote this row.', max_length=64, verbose_name='release')),
                ('outcome', models.CharField(choices=[('migrated', 'Migrated'), ('failed', 'Failed')], max_length=20, verbose_name='last outcome')),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('seconds', models.FloatField(default=0, verbose_name='seconds')),
                ('finished_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='finished at')),
            ],
            options={
                'verbose_name': 'schema state',
                'verbose_name_plural': 'schema states',
            },
        ),
        migrations.CreateModel(
            name='Domain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', tenants.models.fields.HostField(help_text='For example shop.example.com; it must point to this server.', max_length=253, unique=True, verbose_name='host')),
                ('is_primary', models.BooleanField(default=False, help_text='All other hosts of the shop, its subdomain included, redirect to the primary one.', verbose_name='primary')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='domains', to='tenants.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'domain',
                'verbose_name_plural': 'domains',
                'ordering': ['host'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_primary', True)), fields=('tenant',), name='one_primary_domain_per_tenant', violation_error_message='The tenant already has a primary domain.')],
            },
        ),
        migrations.RunSQL(NOTIFY, NOTIFY_NO_MORE),
    ]

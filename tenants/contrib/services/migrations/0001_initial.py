"""The tables of services, and triggers that notify every process of a change."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.contrib.services.models
from django.db import migrations, models


NOTIFY = """
CREATE FUNCTION tenants_notify_services() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tenants_changed', 'services');
    RETURN NULL;
END $$;
CREATE TRIGGER tenants_notify_services AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenants_services_service
    FOR EACH STATEMENT EXECUTE FUNCTION tenants_notify_services();
CREATE TRIGGER tenants_notify_services AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenants_services_service_tenants
    FOR EACH STATEMENT EXECUTE FUNCTION tenants_notify_services();
CREATE TRIGGER tenants_notify_services AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenants_services_serviceaddress
    FOR EACH STATEMENT EXECUTE FUNCTION tenants_notify_services();
"""

NOTIFY_NO_MORE = """
DROP TRIGGER tenants_notify_services ON tenants_services_serviceaddress;
DROP TRIGGER tenants_notify_services ON tenants_services_service_tenants;
DROP TRIGGER tenants_notify_services ON tenants_services_service;
DROP FUNCTION tenants_notify_services();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ServiceReport',
            fields=[
                ('process', models.CharField(max_length=200, primary_key=True, serialize=False, verbose_name='process')),
                ('role', models.CharField(max_length=63, verbose_name='role')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='at')),
                ('facts', models.JSONField(default=dict, verbose_name='facts')),
            ],
            options={
                'verbose_name': 'report of a process',
                'verbose_name_plural': 'reports of processes',
                'ordering': ['process'],
            },
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What other services ask for it by, and whom a signed identity is for.', max_length=63, unique=True, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9-]*\\Z', 'Use lower-case letters, digits and hyphens.')], verbose_name='name')),
                ('is_active', models.BooleanField(default=True, help_text='Off: the gateway and the mesh answer 404.', verbose_name='active')),
                ('prefixes', models.TextField(blank=True, help_text='One a line: /stock/ is what is below it, /stock that and itself. The longest that fits wins.', validators=[tenants.contrib.services.models.check_prefixes], verbose_name='paths')),
                ('strip_prefix', models.BooleanField(default=False, help_text='The service then sees /mugs where the visitor asked for /stock/mugs.', verbose_name="take the path's beginning off")),
                ('runs_sangga', models.BooleanField(default=False, help_text='It then gets cookies, and says itself what visitors of a suspended or moved shop get. To any other service the gateway passes no cookie, and nothing for a suspended shop.', verbose_name='runs this code base')),
                ('every_tenant', models.BooleanField(default=False, verbose_name='every tenant')),
                ('at_platform', models.BooleanField(default=False, verbose_name='at the platform’s host as well')),
                ('scopes', models.CharField(blank=True, help_text='What a caller’s token has to have, separated by spaces. Empty: strangers are let in.', max_length=500, verbose_name='scopes')),
                ('connect_seconds', models.FloatField(default=2.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='to connect')),
                ('attempt_seconds', models.FloatField(default=10.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='for one address to begin its answer')),
                ('total_seconds', models.FloatField(default=30.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='for all attempts together')),
                ('idle_seconds', models.FloatField(default=60.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='of silence within an answer')),
                ('retries', models.PositiveSmallIntegerField(default=2, help_text='Of what can be asked twice without harm, and of what never reached an address.', validators=[django.core.validators.MaxValueValidator(10)], verbose_name='retries')),
                ('max_body_mib', models.PositiveIntegerField(default=100, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1048576)], verbose_name='largest body (MiB)')),
                ('health_path', models.CharField(blank=True, help_text='Asked at every address; 2xx is healthy. Empty: an address is judged by its answers alone.', max_length=200, validators=[tenants.contrib.services.models.check_health], verbose_name='health path')),
                ('private_ranges', models.TextField(blank=True, help_text='One a line, as 10.1.0.0/16. Addresses outside the public internet are connected to only within these, whatever a name resolves to.', validators=[tenants.contrib.services.models.check_ranges], verbose_name='private ranges')),
                ('tenants', models.ManyToManyField(blank=True, related_name='services', to='tenants.tenant', verbose_name='these tenants')),
            ],
            options={
                'verbose_name': 'service',
                'verbose_name_plural': 'services',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ServiceAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.CharField(help_text='As http://10.1.0.7:8002, without a path.', max_length=300, validators=[tenants.contrib.services.models.check_url], verbose_name='address')),
                ('is_active', models.BooleanField(default=True, help_text='Off: requests in hand end, new ones go elsewhere.', verbose_name='in use')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='addresses', to='tenants_services.service', verbose_name='service')),
            ],
            options={
                'verbose_name': 'address',
                'verbose_name_plural': 'addresses',
                'ordering': ['url'],
                'constraints': [models.UniqueConstraint(fields=('service', 'url'), name='one_row_per_service_and_address')],
            },
        ),
        migrations.RunSQL(NOTIFY, NOTIFY_NO_MORE),
    ]

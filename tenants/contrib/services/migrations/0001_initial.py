"""The tables of services, and triggers that notify every process of a change."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.contrib.services.validators
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
                'verbose_name': 'status report',
                'verbose_name_plural': 'status reports',
                'ordering': ['process'],
            },
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Used in calls from other services and in signed identities.', max_length=63, unique=True, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9-]*\\Z', 'Use lowercase letters, digits and hyphens.')], verbose_name='name')),
                ('is_active', models.BooleanField(default=True, help_text='When off, requests to it get 404.', verbose_name='active')),
                ('prefixes', models.TextField(blank=True, help_text='One per line. /stock/ matches paths below it, /stock also itself. The longest match wins.', validators=[tenants.contrib.services.validators.validate_prefixes], verbose_name='paths')),
                ('strip_prefix', models.BooleanField(default=False, help_text='The service receives /mugs when a visitor requests /stock/mugs.', verbose_name="strip path prefix")),
                ('runs_sangga', models.BooleanField(default=False, help_text='It receives cookies, and handles suspended and moved shops itself. Other services receive no cookies, and no requests for suspended shops.', verbose_name='runs this code base')),
                ('every_tenant', models.BooleanField(default=False, verbose_name='all tenants')),
                ('at_platform', models.BooleanField(default=False, verbose_name='available on the platform’s host')),
                ('scopes', models.CharField(blank=True, help_text='Scopes that the caller’s token must have, separated by spaces. Empty: anonymous requests are allowed.', max_length=500, verbose_name='scopes')),
                ('connect_seconds', models.FloatField(default=2.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='connect timeout')),
                ('attempt_seconds', models.FloatField(default=10.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='timeout per attempt')),
                ('total_seconds', models.FloatField(default=30.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='total timeout')),
                ('idle_seconds', models.FloatField(default=60.0, validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(3600.0)], verbose_name='idle timeout')),
                ('retries', models.PositiveSmallIntegerField(default=2, help_text='For idempotent requests, and for requests that reached no address.', validators=[django.core.validators.MaxValueValidator(10)], verbose_name='retries')),
                ('max_body_mib', models.PositiveIntegerField(default=100, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1048576)], verbose_name='maximum body size (MiB)')),
                ('health_path', models.CharField(blank=True, help_text='Requested from every address; 2xx means healthy. Empty: no health checks.', max_length=200, validators=[tenants.contrib.services.validators.validate_health_path], verbose_name='health path')),
                ('private_ranges', models.TextField(blank=True, help_text='One per line, such as 10.1.0.0/16. Private IP addresses are allowed only within these ranges.', validators=[tenants.contrib.services.validators.validate_ranges], verbose_name='private ranges')),
                ('tenants', models.ManyToManyField(blank=True, related_name='services', to='tenants.tenant', verbose_name='selected tenants')),
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
                ('url', models.CharField(help_text='Such as http://10.1.0.7:8002, without a path.', max_length=300, validators=[tenants.contrib.services.validators.validate_address], verbose_name='address')),
                ('is_active', models.BooleanField(default=True, help_text='When off, running requests finish and new ones use other addresses.', verbose_name='active')),
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

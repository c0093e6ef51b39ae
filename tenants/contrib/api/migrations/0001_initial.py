"""The table of API usage."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10, verbose_name='version')),
                ('day', models.DateField(verbose_name='day')),
                ('client', models.CharField(help_text='Application or API key of the token, otherwise the name in User-Agent.', max_length=60, verbose_name='client')),
                ('requests', models.PositiveBigIntegerField(default=0, verbose_name='requests')),
                ('last_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='last request')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_usage', to='tenants.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'API usage',
                'verbose_name_plural': 'API usage',
                'ordering': ['-day', 'tenant_id', 'version', '-requests'],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'version', 'day', 'client'), name='api_usage_once_a_day')],
            },
        ),
    ]

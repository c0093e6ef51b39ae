"""The table of limit hits."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='LimitHit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField(db_index=True, verbose_name='hour')),
                ('refused_rate', models.PositiveBigIntegerField(default=0, verbose_name='rejected for their rate')),
                ('refused_concurrency', models.PositiveBigIntegerField(default=0, verbose_name='rejected for concurrency')),
                ('cut_statements', models.PositiveBigIntegerField(default=0, verbose_name='statement timeouts')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='limit_hits', to='tenants.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'limit hit',
                'verbose_name_plural': 'limit hits',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'hour'), name='limit_hits_once_an_hour')],
            },
        ),
    ]

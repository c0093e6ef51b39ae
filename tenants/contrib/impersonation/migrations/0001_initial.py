"""The table of operator logins."""

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
            name='OperatorLogin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True, verbose_name='digest')),
                ('operator_id', models.BigIntegerField(verbose_name='operator id')),
                ('operator', models.CharField(max_length=150, verbose_name='operator')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='made at')),
                ('used_at', models.DateTimeField(null=True, verbose_name='used at')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='operator_logins', to='tenants.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'operator login',
                'verbose_name_plural': 'operator logins',
                'ordering': ['-id'],
            },
        ),
    ]

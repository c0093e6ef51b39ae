"""Keys of operators as text: a User model may have keys of any type."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants_impersonation', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='operatorlogin',
            name='operator_id',
            field=models.CharField(max_length=255, verbose_name='operator id'),
        ),
    ]

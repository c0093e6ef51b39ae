from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            "Goods",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("picture", models.FileField(blank=True, upload_to="pictures")),
                ("keeper", models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)),
            ],
        ),
        migrations.CreateModel(
            "Tag",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=50)),
                ("goods", models.ManyToManyField("shop.Goods")),
            ],
        ),
        migrations.RunSQL(
            """
            CREATE SEQUENCE shop_receipts;
            CREATE TYPE shop_size AS ENUM ('small', 'large');
            ALTER TABLE shop_goods ADD COLUMN size shop_size NOT NULL DEFAULT 'small';
            CREATE VIEW shop_named AS SELECT id, name FROM shop_goods WHERE name <> '';
            CREATE FUNCTION shop_trim() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN NEW.name = trim(NEW.name); RETURN NEW; END $$;
            CREATE TRIGGER shop_trim BEFORE INSERT ON shop_goods FOR EACH ROW EXECUTE FUNCTION shop_trim();
            """,
            migrations.RunSQL.noop,
        ),
    ]

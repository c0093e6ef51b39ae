"""Tell every process as well how far a tenant's schema is migrated: it may be refused while it is behind."""

from django.db import migrations

FORWARDS = """
CREATE TRIGGER tenants_notify_change AFTER INSERT OR UPDATE OF fingerprint ON tenants_schemastate
    FOR EACH ROW EXECUTE FUNCTION tenants_notify_change('tenant_id');
"""

BACKWARDS = "DROP TRIGGER tenants_notify_change ON tenants_schemastate"


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_operations")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]

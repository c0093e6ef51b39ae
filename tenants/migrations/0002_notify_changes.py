"""Tell every process, through PostgreSQL itself, when a tenant or a domain changes, whoever changes it."""

from django.db import migrations

FORWARDS = """
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

BACKWARDS = """
DROP TRIGGER tenants_notify_change ON tenants_domain;
DROP TRIGGER tenants_notify_change ON tenants_tenant;
DROP FUNCTION tenants_notify_change();
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]

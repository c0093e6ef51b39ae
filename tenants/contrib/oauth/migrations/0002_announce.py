"""Tell every process of keys that change and tokens that end, and write a token that is deleted early down as revoked.

The functions are in the tenant's own schema, so that it is complete alone.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION oauth_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tenants_changed', 'oauth:' || TG_TABLE_SCHEMA);
    RETURN NULL;
END $$;
CREATE TRIGGER oauth_announce AFTER INSERT OR UPDATE OR DELETE ON oauth_signingkey
    FOR EACH STATEMENT EXECUTE FUNCTION oauth_announce();
CREATE TRIGGER oauth_announce AFTER INSERT OR UPDATE OR DELETE ON oauth_application
    FOR EACH STATEMENT EXECUTE FUNCTION oauth_announce();
CREATE TRIGGER oauth_announce AFTER UPDATE OF digest, user_id, scopes, expires, revoked OR DELETE ON oauth_apikey
    FOR EACH STATEMENT EXECUTE FUNCTION oauth_announce();

CREATE FUNCTION oauth_revoke() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.oauth_revokedtoken (jti, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA)
        USING OLD.jti, OLD.expires;
    PERFORM pg_notify('tenants_changed', 'oauth:' || TG_TABLE_SCHEMA || ':' || replace(OLD.jti::text, '-', ''));
    RETURN NULL;
END $$;
CREATE TRIGGER oauth_revoke AFTER DELETE ON oauth_accesstoken
    FOR EACH ROW WHEN (OLD.expires > now()) EXECUTE FUNCTION oauth_revoke();
"""

BACKWARDS = """
DROP TRIGGER oauth_revoke ON oauth_accesstoken;
DROP FUNCTION oauth_revoke();
DROP TRIGGER oauth_announce ON oauth_apikey;
DROP TRIGGER oauth_announce ON oauth_application;
DROP TRIGGER oauth_announce ON oauth_signingkey;
DROP FUNCTION oauth_announce();
"""


class Migration(migrations.Migration):
    dependencies = [("oauth", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]

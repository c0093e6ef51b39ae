"""The tables of clients, tokens and keys in a tenant's schema, and triggers that notify every process of keys that change and
tokens that end, and record a token that is deleted early as revoked.

The functions are in the tenant's schema, so that it is complete alone.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
import oauth2_provider.generators
import oauth2_provider.models
import tenants.contrib.oauth.fields
import uuid
from django.conf import settings
from django.db import migrations, models


NOTIFY = """
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

NOTIFY_NO_MORE = """
DROP TRIGGER oauth_revoke ON oauth_accesstoken;
DROP FUNCTION oauth_revoke();
DROP TRIGGER oauth_announce ON oauth_apikey;
DROP TRIGGER oauth_announce ON oauth_application;
DROP TRIGGER oauth_announce ON oauth_signingkey;
DROP FUNCTION oauth_announce();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DeviceGrant',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('device_code', models.CharField(max_length=100, verbose_name='device code')),
                ('user_code', models.CharField(max_length=100, verbose_name='user code')),
                ('scope', models.TextField(blank=True, verbose_name='scope')),
                ('interval', models.IntegerField(default=5, verbose_name='interval')),
                ('expires', models.DateTimeField(verbose_name='expires')),
                ('status', models.CharField(blank=True, choices=[('authorized', 'Authorized'), ('authorization-pending', 'Authorization pending'), ('expired', 'Expired'), ('denied', 'Denied')], default='authorization-pending', max_length=64, verbose_name='status')),
                ('client_id', models.CharField(db_index=True, max_length=100, verbose_name='client ID')),
                ('last_checked', models.DateTimeField(auto_now=True, verbose_name='last checked')),
            ],
            options={
                'managed': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='IDToken',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('jti', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='JWT Token ID')),
                ('expires', models.DateTimeField(verbose_name='expires')),
                ('scope', models.TextField(blank=True, verbose_name='scope')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
            ],
            options={
                'managed': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RevokedToken',
            fields=[
                ('jti', models.UUIDField(primary_key=True, serialize=False)),
                ('expires', models.DateTimeField(db_index=True)),
            ],
            options={
                'verbose_name': 'revoked token',
                'verbose_name_plural': 'revoked tokens',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What the key is used for.', max_length=100, verbose_name='name')),
                ('digest', tenants.contrib.oauth.fields.KeyedDigestField(purpose='oauth api key', unique=True)),
                ('prefix', models.CharField(editable=False, max_length=20, verbose_name='prefix')),
                ('scopes', models.TextField(blank=True, verbose_name='scopes')),
                ('created', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('expires', models.DateTimeField(blank=True, help_text='Empty: never.', null=True, verbose_name='expires')),
                ('last_used', models.DateTimeField(editable=False, null=True, verbose_name='last used')),
                ('revoked', models.DateTimeField(editable=False, null=True, verbose_name='revoked')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'ordering': ['-created'],
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('client_id', models.CharField(db_index=True, default=oauth2_provider.generators.generate_client_id, max_length=255, unique=True, verbose_name='client ID')),
                ('redirect_uris', models.TextField(blank=True, help_text='Allowed URIs list, space separated', verbose_name='redirect URIs')),
                ('post_logout_redirect_uris', models.TextField(blank=True, default='', help_text='Allowed Post Logout URIs list, space separated', verbose_name='post logout redirect URIs')),
                ('client_type', models.CharField(choices=[('confidential', 'Confidential'), ('public', 'Public')], max_length=32, verbose_name='client type')),
                ('authorization_grant_type', models.CharField(choices=[('authorization-code', 'Authorization code'), ('urn:ietf:params:oauth:grant-type:device_code', 'Device Code'), ('implicit', 'Implicit'), ('password', 'Resource owner password-based'), ('client-credentials', 'Client credentials'), ('openid-hybrid', 'OpenID connect hybrid')], max_length=44, verbose_name='authorization grant type')),
                ('hash_client_secret', models.BooleanField(default=True, verbose_name='hash client secret')),
                ('skip_authorization', models.BooleanField(default=False, verbose_name='skip authorization')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('algorithm', models.CharField(blank=True, choices=[('', 'No OIDC support'), ('RS256', 'RSA with SHA-2 256'), ('HS256', 'HMAC with SHA-2 256')], default='', max_length=5, verbose_name='algorithm')),
                ('allowed_origins', models.TextField(blank=True, default='', help_text='Allowed origins list to enable CORS, space separated', verbose_name='allowed origins')),
                ('registration_source', models.CharField(choices=[('manual', 'Manual'), ('dcr', 'Dynamic Client Registration'), ('cimd', 'Client ID Metadata Document')], default='manual', help_text='How this application was registered (manual, DCR per RFC 7591, or CIMD)', max_length=32, verbose_name='registration source')),
                ('cimd_expires_at', models.DateTimeField(blank=True, default=None, help_text='When the cached Client ID Metadata Document should be re-fetched', null=True, verbose_name='CIMD expires at')),
                ('name', models.CharField(help_text='Shown to users when the client asks for consent.', max_length=255, verbose_name='name')),
                ('client_secret', models.CharField(blank=True, editable=False, max_length=80, verbose_name='client secret')),
                ('scopes', models.TextField(blank=True, help_text='Scopes that the client may request, separated by spaces: goods:read orders:read', verbose_name='scopes')),
                ('is_active', models.BooleanField(default=True, help_text='An inactive client gets no tokens, and its tokens are invalid.', verbose_name='active')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='%(app_label)s_%(class)s', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'client',
                'verbose_name_plural': 'clients',
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='AccessToken',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('expires', models.DateTimeField(verbose_name='expires')),
                ('scope', models.TextField(blank=True, verbose_name='scope')),
                ('resource', oauth2_provider.models.ResourceJSONField(blank=True, default=list, verbose_name='resource')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('token_checksum', tenants.contrib.oauth.fields.TokenDigestField(purpose='oauth access token', unique=True)),
                ('jti', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='token ID')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='%(app_label)s_%(class)s', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('application', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL, verbose_name='application')),
            ],
            options={
                'verbose_name': 'access token',
                'verbose_name_plural': 'access tokens',
                'ordering': ['-pk'],
                'default_permissions': ('view', 'delete'),
            },
        ),
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('expires', models.DateTimeField(verbose_name='expires')),
                ('redirect_uri', models.TextField(verbose_name='redirect URI')),
                ('scope', models.TextField(blank=True, verbose_name='scope')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('code_challenge', models.CharField(blank=True, default='', max_length=128, verbose_name='code challenge')),
                ('code_challenge_method', models.CharField(blank=True, choices=[('plain', 'plain'), ('S256', 'S256')], default='', max_length=10, verbose_name='code challenge method')),
                ('nonce', models.CharField(blank=True, default='', max_length=255, verbose_name='nonce')),
                ('claims', models.TextField(blank=True, verbose_name='claims')),
                ('resource', oauth2_provider.models.ResourceJSONField(blank=True, default=list, verbose_name='resource')),
                ('code', tenants.contrib.oauth.fields.KeyedDigestField(purpose='oauth code', unique=True)),
                ('family', models.UUIDField(editable=False, null=True)),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL, verbose_name='application')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(app_label)s_%(class)s', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'authorization code',
                'verbose_name_plural': 'authorization codes',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RefreshToken',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('token_family', models.UUIDField(blank=True, editable=False, null=True, verbose_name='token family')),
                ('resource', oauth2_provider.models.ResourceJSONField(blank=True, default=list, verbose_name='resource')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('revoked', models.DateTimeField(null=True, verbose_name='revoked')),
                ('token_checksum', tenants.contrib.oauth.fields.TokenDigestField(purpose='oauth refresh token', unique=True)),
                ('access_token', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='refresh_token', to=settings.OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL, verbose_name='access token')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL, verbose_name='application')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(app_label)s_%(class)s', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'refresh token',
                'verbose_name_plural': 'refresh tokens',
                'ordering': ['-pk'],
                'default_permissions': ('view', 'delete'),
            },
        ),
        migrations.AddField(
            model_name='accesstoken',
            name='source_refresh_token',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='refreshed_access_token', to=settings.OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL, verbose_name='source refresh token'),
        ),
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('kid', models.CharField(max_length=43, primary_key=True, serialize=False, verbose_name='key ID')),
                ('generation', models.CharField(editable=False, max_length=16)),
                ('public', models.JSONField(verbose_name='public key')),
                ('private', models.BinaryField(verbose_name='private key, encrypted')),
                ('created', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created')),
                ('retired', models.DateTimeField(null=True, verbose_name='retired')),
                ('published_until', models.DateTimeField(null=True, verbose_name='published until')),
            ],
            options={
                'verbose_name': 'signing key',
                'verbose_name_plural': 'signing keys',
                'ordering': ['-created'],
                'default_permissions': ('view', 'change'),
                'constraints': [models.UniqueConstraint(condition=models.Q(('retired', None)), fields=('generation',), name='oauth_one_key_signs')],
            },
        ),
        migrations.AddIndex(
            model_name='refreshtoken',
            index=models.Index(fields=['token_family'], name='oauth_refreshtoken_family'),
        ),
        migrations.AddIndex(
            model_name='accesstoken',
            index=models.Index(fields=['expires'], name='oauth_accesstoken_expires'),
        ),
        migrations.RunSQL(NOTIFY, NOTIFY_NO_MORE),
    ]

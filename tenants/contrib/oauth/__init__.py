"""OAuth 2 and OpenID Connect provider of each tenant, with personal API keys, in the schema of the tenant.

The grants are those of django-oauth-toolkit. Access tokens are JWTs that a key of the tenant signs.
"""

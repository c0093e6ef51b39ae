"""What a tenant gives out for its API: clients, signing keys, tokens and personal API keys, in its own schema.

The grants are django-oauth-toolkit's; the access tokens are JWTs, signed with a key of the tenant's own.
"""

"""The database engine `tenants.postgresql`: Django's PostgreSQL backend, with the tenant in every statement."""

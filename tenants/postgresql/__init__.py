"""Database engine `tenants.postgresql`: Django's PostgreSQL backend, with the tenant's settings in each statement."""

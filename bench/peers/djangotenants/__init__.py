"""django-tenants: a tenant per schema, set on the connection."""

"""django-pgschemas: a tenant per schema, set with every cursor."""

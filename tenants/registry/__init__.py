"""Host to tenant: cached lookups, and their invalidation over LISTEN/NOTIFY."""

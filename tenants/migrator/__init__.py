"""Migrations of tenants' schemas: the graph (`graph`), one tenant (`apply`), all tenants (`runner`)."""

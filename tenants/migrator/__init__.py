"""Migrations of the tenants' schemas: what is due (`graph`), one tenant (`apply`), all of them (`runner`)."""

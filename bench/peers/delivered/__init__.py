"""Sangga as it is delivered: its own apps, middleware, variants and API."""

"""Limits on requests, bodies, WebSockets and password hashing, for each tenant and client address."""

"""Mounts: WSGI and ASGI applications under a path of a tenant, one instance for each tenant.

`TENANTS["MOUNTS"]` names the factories, rows of `Mount` say which tenant has which application and where, and
`tenants.contrib.mounts.middleware.MountMiddleware` passes requests to them.
"""

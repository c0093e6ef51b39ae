"""Whole applications under a path of a tenant: any WSGI or ASGI application, built by a factory, once per tenant.

`TENANTS["MOUNTS"]` names the factories, rows of `Mount` say which tenant has which of them and where, and
`tenants.contrib.mounts.middleware.MountMiddleware` leads requests there.
"""

"""The operator's admin on the platform's host: tenants, domains, services, operators, operations and the audit log."""

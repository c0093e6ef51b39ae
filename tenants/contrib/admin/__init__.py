"""The operator's admin, on the platform's host alone: tenants, domains, services, operators, operations, the log."""

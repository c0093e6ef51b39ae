"""Impersonation: an operator logs in to a shop by a one-time link, for a limited time, with an audit trail."""

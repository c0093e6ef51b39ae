"""Requests and responses: middleware, responses without a view, headers, cookies."""

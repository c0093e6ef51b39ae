"""Schemas that all versions of the API share, a module for each resource."""

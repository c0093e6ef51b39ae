"""Modules that a variant can replace: `resolve(pricing)`."""

"""Variants: what a tenant has in the place of, or beside, the default models, services, schemas and admin classes.

A variant is a folder in the package that `TENANTS["VARIANTS"]` names, and an app of Django's. Its rooms are `models`,
`schemas`, `admin` (classes) and `services` (modules); beside them it may have `templates`, `migrations` and whatever
an app has. What bears the name of a default takes its place for the tenants of the variant.
"""

from tenants.variants.discovery import DEFAULT, Variant, variant_apps, variants
from tenants.variants.labels import children_of, default_of, whole_row_of
from tenants.variants.resolve import resolve, resolve_for

__all__ = [
    "DEFAULT",
    "Variant",
    "children_of",
    "default_of",
    "resolve",
    "resolve_for",
    "variant_apps",
    "variants",
    "whole_row_of",
]

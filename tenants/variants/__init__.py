"""Variants: models, services, schemas, admin classes and templates that replace or extend the defaults of a tenant.

A variant is an app in the package `TENANTS["VARIANTS"]`. A class in its `models`, `schemas` or `admin`, or a module in
its `services`, replaces the default with the same name for the variant's tenants.
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

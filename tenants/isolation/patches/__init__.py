"""Patches of Django and Python: `table.py` lists them, and the other modules have what is put in their place."""

from tenants.isolation.patches.patch import Patch, install, installed, mismatches

__all__ = ["Patch", "install", "installed", "mismatches"]

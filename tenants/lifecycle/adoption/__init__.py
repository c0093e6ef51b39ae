"""Adoption of existing schemas: those of another library, hand-made ones, and a project's schema `public`."""

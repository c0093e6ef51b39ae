"""Variants, a folder for each: what its shops have in place of the defaults, and in addition. See docs/variants.md."""

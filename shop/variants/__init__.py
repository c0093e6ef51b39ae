"""Each folder is a variant: what its shops have in the place of the defaults, or beside them. See docs/variants.md."""

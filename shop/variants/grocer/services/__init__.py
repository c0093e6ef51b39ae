"""A grocer's modules in place of the default ones."""

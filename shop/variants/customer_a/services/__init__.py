"""Customer A's modules in place of the default ones."""

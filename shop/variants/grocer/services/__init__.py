"""What a grocer decides about goods."""

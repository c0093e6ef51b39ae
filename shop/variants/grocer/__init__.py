"""A grocer: goods that are sold by weight, and skus that are best before a day."""

"""A grocer: goods that are sold by weight, and SKUs with a best-before date."""

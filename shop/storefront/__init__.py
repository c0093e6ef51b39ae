"""What shoppers see of a shop; has no tables."""

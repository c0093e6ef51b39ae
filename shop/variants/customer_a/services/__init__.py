"""What customer A decides about goods."""

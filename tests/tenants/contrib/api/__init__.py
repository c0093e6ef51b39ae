"""What APIs have in common."""

"""Changes that clients of the API make."""

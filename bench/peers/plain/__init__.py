"""Plain Django: one shop in one schema."""

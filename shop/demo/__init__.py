"""Three furnished shops to walk into; has no tables."""

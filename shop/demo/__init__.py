"""Three example shops; no models."""

"""The pages for customers; no models."""

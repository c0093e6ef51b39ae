"""Sangga itself."""

"""Supported product files, a module for each kind."""

"""Backup of one tenant to a file, and restore of it."""

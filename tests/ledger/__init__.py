"""A tenant app with a history: every kind of migration that the migrator supports."""

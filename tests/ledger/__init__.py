"""A tenant app with a history: every kind of migration that the migrator has to cope with."""

"""A migration more than the code has, put in by MIGRATION_MODULES while it is measured."""

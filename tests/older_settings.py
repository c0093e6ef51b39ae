"""Settings of an older release: code that does not know the later migrations of the ledger."""

from tests.settings import *  # noqa: F403

MIGRATION_MODULES = {"ledger": "tests.older.migrations"}

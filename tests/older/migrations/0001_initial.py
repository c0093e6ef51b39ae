"""The first migration of the ledger, as an older release has it."""

from importlib import import_module

Migration = import_module("tests.ledger.migrations.0001_initial").Migration

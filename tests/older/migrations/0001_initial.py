"""The first migration of the ledger, as the one of an older release that has no other."""

from importlib import import_module

Migration = import_module("tests.ledger.migrations.0001_initial").Migration

from importlib import import_module

Migration = import_module("shop.old_migrations.0001_initial").Migration

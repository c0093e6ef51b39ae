"""Tables that clones and backups leave empty, because their rows (sessions, tokens) sign users in."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db.models import Model

from tenants.conf import tenancy
from tenants.errors import ConfigurationError


def excluded_tables() -> frozenset[str]:
    """Return the tables of the models in `TENANTS["CLONE_LEAVES_OUT"]`; raise `ConfigurationError`."""
    return frozenset(table for label in tenancy().clone_leaves_out for table in _tables(_model(label)))


def _model(label: str) -> type[Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"TENANTS['CLONE_LEAVES_OUT'] names {label!r}, which is not a model. Write it as 'app_label.Model'."
        ) from error


def _tables(model: type[Model]) -> Iterator[str]:
    yield model._meta.db_table
    for field in model._meta.local_many_to_many:
        through = field.remote_field.through
        if through is not None and through._meta.auto_created:
            yield through._meta.db_table

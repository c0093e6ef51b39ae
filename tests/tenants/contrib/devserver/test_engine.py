"""Engine `tenants.contrib.devserver.postgresql`: a connection that starts the server of a folder."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from tenants.contrib.devserver import EmbeddedPostgres
from tenants.contrib.devserver.binaries import find_bindir
from tenants.contrib.devserver.postgresql.base import DatabaseWrapper
from tests.tenants.contrib.devserver.conftest import directories_of

Connect = Callable[..., DatabaseWrapper]


@pytest.fixture
def connect(running: EmbeddedPostgres, committed: None) -> Iterator[Connect]:
    """A function that returns a new connection of Django, by default to the server of `running`."""
    made: list[DatabaseWrapper] = []

    def connect(**options: Any) -> DatabaseWrapper:
        settings = copy.deepcopy(connection.settings_dict)
        settings.update(HOST="", PORT="", USER="", NAME="wanted", OPTIONS=options or {"embedded": str(running.folder)})
        made.append(DatabaseWrapper(settings))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def test_first_connection_starts_the_server_and_makes_the_database(connect: Connect, running: EmbeddedPostgres) -> None:
    running.stop()
    wrapper = connect()
    wrapper.ensure_connection()
    assert running.is_running()
    assert wrapper.connection.info.dbname == "wanted"
    assert wrapper.settings_dict["HOST"] == str(directories_of(running).sockets)


def test_connection_to_a_server_that_has_stopped_starts_it_again(connect: Connect, running: EmbeddedPostgres) -> None:
    wrapper = connect()
    wrapper.ensure_connection()
    wrapper.close()
    running.stop()
    wrapper.ensure_connection()
    assert running.is_running()


def test_programs_are_those_of_the_server(connect: Connect) -> None:
    assert connect().bindir() == find_bindir()


def test_without_a_folder_it_starts_nothing_and_has_no_programs(connect: Connect) -> None:
    wrapper = connect(sslmode="disable")
    assert wrapper.start_server() is False
    assert wrapper.bindir() is None
    assert "embedded" not in wrapper.get_connection_params()

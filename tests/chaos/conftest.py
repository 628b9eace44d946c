"""Chaos tests start products of their own, since they kill their processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.recorder import Recorder
from tests.support.workflows import Database


@pytest.fixture
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """A witness for one test."""
    started = Recorder(tmp_path_factory.mktemp("recorder"))
    yield started
    started.stop()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The test's database, with a connection of its own."""
    opened = Database(database_url)
    yield opened
    opened.close()

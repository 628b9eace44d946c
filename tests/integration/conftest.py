"""Fixtures of the integration tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The test's database, with a connection of its own."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def effects() -> Effects:
    """The behaviour of `test.effect` nodes."""
    return Effects()


@pytest.fixture
def engine(database: Database, redis_url: str, effects: Effects) -> EngineRun:
    """Workers on the test's database."""
    return EngineRun(database, redis_url, effects)

"""Fixtures of the tests of data actions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.core.config import Settings
from chalicelib.credentials import vault
from infra.host.front import Front
from tests.conftest import BOOTSTRAP_KEY
from tests.support.api import ApiClient
from tests.support.notifying import Bench
from tests.support.workflows import Database


@pytest.fixture
def bench(settings_env: Settings, database: Database) -> Bench:
    """Credentials and nodes on the test's database."""
    vault.forget_all()
    return Bench(database)


@pytest.fixture
def api(settings_env: Settings) -> Iterator[ApiClient]:
    """A client with the bootstrap key."""
    from app import app

    front = Front(app)
    yield ApiClient(front, BOOTSTRAP_KEY)
    front.stop()

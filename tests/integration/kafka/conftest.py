"""Fixtures of the Kafka tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.core.config import Settings
from infra.host.processes import ProcessLedger
from infra.host.servers import Home, ServerMemory, run_alone
from infra.host.servers.kafka import Kafka
from tests.support.kafka_triggers import Broker
from tests.support.workflows import Database, Published, definition, published


@pytest.fixture
def workflow(database: Database) -> Published:
    """A published workflow with one node."""
    return published(database, definition({"id": "done", "type": "stop", "config": {}}))


@pytest.fixture
def settings(settings_env: Settings, kafka_servers: str) -> Settings:
    """Settings with the test broker; skips where there is none."""
    return settings_env


@pytest.fixture
def broker(kafka_servers: str) -> Iterator[Broker]:
    """The test broker."""
    opened = Broker(kafka_servers)
    yield opened
    opened.close()


@pytest.fixture
def own_broker(tmp_path: Path, kafka_servers: str) -> Iterator[Kafka]:
    """A broker that the test may kill and start again."""
    home = Home(tmp_path, tmp_path, os.environ, ProcessLedger(tmp_path / "processes.json"), ServerMemory(tmp_path / "servers.json"))
    server = Kafka(home)
    run_alone(server.start())
    yield server
    server.stop()

"""Fixtures of the Kafka tests. They are many and small, so they share one database for each module, emptied in between."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chalicelib.core import db
from chalicelib.core.config import Settings
from infra.host.processes import ProcessLedger
from infra.host.servers import Home, ServerMemory, run_alone
from infra.host.servers.kafka import Kafka
from tests.support.kafka_triggers import Broker
from tests.support.workflows import Database, Published, definition, published


@pytest.fixture(scope="module")
def kept_database(template_database: str) -> Iterator[str]:
    """One database for the whole module: made once."""
    server = os.environ["MILLRACE_TEST_DATABASE_URL"]
    name = f"kafka_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy")
        yield server.rsplit("/", 1)[0] + "/" + name
        db.engine.cache_clear()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(kept_database: str) -> str:
    """The module's database, emptied."""
    with psycopg.connect(kept_database) as connection:
        for table in ("wakes", "executions", "start_keys", "dead_letters", "triggers", "workflows"):
            connection.execute(f"DELETE FROM {table}")
    return kept_database


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

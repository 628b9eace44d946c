"""Fixtures shared by all tests: real servers once per session, a migrated database of its own for each test that asks for one."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings

from chalicelib.core import config, db, egress, hot
from chalicelib.credentials import health, vault
from tests.servers import start_test_servers

SECRET = "0" * 64
MASTER_KEY = "7" * 64
BOOTSTRAP_KEY = "test-bootstrap-key-0123456789"


hypothesis_settings.register_profile("ours", deadline=None)  # how long an example takes says something of the machine, not of the code
hypothesis_settings.load_profile("ours")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the controlling process; xdist's workers inherit their addresses."""
    if hasattr(config, "workerinput") or os.environ.get("MILLRACE_TEST_DATABASE_URL"):
        return
    if not _wants_servers(config):
        return
    root = Path(tempfile.mkdtemp(prefix="millrace-tests-"))
    root.chmod(0o711)
    servers = start_test_servers(root, kafka=_wants_kafka(config))
    os.environ.update(servers.environment())
    config._millrace_servers = servers  # type: ignore[attr-defined]


def _wants_servers(config: pytest.Config) -> bool:
    return any("unit" not in str(word) for word in config.args) and not config.option.collectonly


def _wants_kafka(config: pytest.Config) -> bool:
    return not config.option.markexpr or "not kafka" not in config.option.markexpr


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started."""
    servers = getattr(config, "_millrace_servers", None)
    if servers is not None:
        servers.stop()


_EMPTY = """
DELETE FROM workflows; DELETE FROM executions; DELETE FROM node_runs; DELETE FROM wakes; DELETE FROM inbox; DELETE FROM start_keys;
DELETE FROM api_keys; DELETE FROM members; DELETE FROM ticks;
SET session_replication_role = replica; DELETE FROM audit_log; DELETE FROM audit_heads; SET session_replication_role = DEFAULT;
DELETE FROM credentials; DELETE FROM custom_actions; DELETE FROM provider_health; DELETE FROM trigger_deliveries; DELETE FROM kafka_readers;
DELETE FROM trigger_presets;
DELETE FROM deliveries; DELETE FROM digests; DELETE FROM delivery_rollups;
DELETE FROM events; DELETE FROM event_waits; DELETE FROM execution_moves; DELETE FROM rate_buckets; DELETE FROM concurrency_keys; DELETE FROM concurrency_slots;
DELETE FROM facts; DELETE FROM execution_rollups; DELETE FROM node_rollups; DELETE FROM trigger_facts; DELETE FROM trigger_rollups;
DELETE FROM workspaces WHERE slug <> 'default';
"""


@contextmanager
def _migrated_database() -> Iterator[str]:
    from infra.migrations.runner import upgrade

    name = f"tests_{uuid.uuid4().hex[:12]}"
    server = os.environ["MILLRACE_TEST_DATABASE_URL"]
    url = server.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    upgrade(database_url=url)
    yield url
    for cached in (db.engine, hot.hot):
        cached.cache_clear()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def worker_database() -> Iterator[str]:
    """A migrated database for all tests of this process: making one takes a second."""
    with _migrated_database() as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database, empty but for the default workspace. A test that changes the schema is marked `own_database`."""
    if request.node.get_closest_marker("own_database"):
        with _migrated_database() as url:
            yield url
        return
    url = request.getfixturevalue("worker_database")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_EMPTY)  # before, not after: what a test left running may still have written
    yield url


@pytest.fixture
def redis_url() -> str:
    """The test server's Redis; `none` when the whole suite runs without."""
    if os.environ.get("MILLRACE_TEST_WITHOUT_REDIS"):
        return "none"
    return os.environ["MILLRACE_TEST_REDIS_URL"]


@pytest.fixture
def kafka_servers() -> str:
    """The test broker; skips where none can be had (no Java), saying why."""
    servers = os.environ.get("MILLRACE_TEST_KAFKA", "none")
    if servers == "none":
        pytest.skip("no Kafka: " + os.environ.get("MILLRACE_TEST_KAFKA_OFF_REASON", "not started"))
    return servers


@pytest.fixture
def settings_env(monkeypatch: pytest.MonkeyPatch, database_url: str, redis_url: str) -> Iterator[config.Settings]:
    """The process's settings, pointing at the test's database and Redis."""
    for variable in config.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", os.environ.get("MILLRACE_TEST_KAFKA", "none"))
    monkeypatch.setenv("MILLRACE_BOOTSTRAP_KEY", BOOTSTRAP_KEY)
    monkeypatch.setenv("MILLRACE_SECRET", SECRET)
    monkeypatch.setenv("MILLRACE_MASTER_KEY", MASTER_KEY)
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "127.0.0.1")
    _forget_settings()
    yield config.settings()
    _forget_settings()


def _forget_settings() -> None:
    """Whatever a process keeps that was made by its settings."""
    config.settings.cache_clear()
    egress.guard.cache_clear()
    vault.forget_all()
    health.forget()

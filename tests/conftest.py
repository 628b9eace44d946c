"""Fixtures shared by all tests: real servers once per session, a migrated database of its own for each test that asks for one."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chalicelib.core import config, db
from tests.servers import start_test_servers

SECRET = "0" * 64
BOOTSTRAP_KEY = "test-bootstrap-key-0123456789"


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


@pytest.fixture(scope="session")
def template_database() -> str:
    """The name of a migrated database that others are copied from; one per xdist worker."""
    from infra.migrations.runner import upgrade

    name = f"template_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(_server_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    upgrade(database_url=_url_of(name))
    return name


def _server_url() -> str:
    return os.environ["MILLRACE_TEST_DATABASE_URL"]


def _url_of(name: str) -> str:
    return _server_url().rsplit("/", 1)[0] + "/" + name


@pytest.fixture
def database_url(template_database: str) -> Iterator[str]:
    """A fresh migrated database; dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(_server_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy")
    yield _url_of(name)
    for cached in (db.engine, db.hot):
        cached.cache_clear()
    with psycopg.connect(_server_url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "127.0.0.1")
    config.settings.cache_clear()
    yield config.settings()
    config.settings.cache_clear()

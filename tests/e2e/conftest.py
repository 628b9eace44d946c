"""One running Millrace for all end-to-end tests of a session, on the tests' real servers."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from functools import cache

import psycopg
import pytest

from tests.support.product import Product
from tests.support.recorder import Recorder


@cache
def elsewhere() -> str:
    """An origin that is free to serve the web app, and that Millrace lets in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def product_environment() -> dict[str, str]:
    """A database of its own on the tests' PostgreSQL, and the tests' other servers."""
    server = os.environ["MILLRACE_TEST_DATABASE_URL"]
    name = f"product_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    without_redis = os.environ.get("MILLRACE_TEST_WITHOUT_REDIS")
    return {
        "DATABASE_URL": server.rsplit("/", 1)[0] + "/" + name,
        "REDIS_URL": "none" if without_redis else os.environ["MILLRACE_TEST_REDIS_URL"],
        "KAFKA_BOOTSTRAP_SERVERS": os.environ.get("MILLRACE_TEST_KAFKA", "none"),
        "MILLRACE_EGRESS_ALLOW": "127.0.0.1",
        "MILLRACE_CORS_ORIGINS": elsewhere(),
    }


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """The witness of HTTP calls."""
    started = Recorder(tmp_path_factory.mktemp("recorder"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Millrace, ready."""
    started = Product(tmp_path_factory.mktemp("product") / "data", environment=product_environment())
    yield started
    assert started.stop() == 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured and do not judge."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(f"{report.nodeid.split('::')[-1]}: {value}")

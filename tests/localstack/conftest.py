"""One stack for all tests here: LocalStack started, everything deployed, all of it gone at the end."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.host.caches import CHECKOUT
from infra.host.frontend_build import FrontendBuild
from infra.host.servers import Home, run_together
from localstack.deploy import Settings, Target, deploy
from localstack.environment import ensure, why_not
from localstack.server import LocalStack
from tests.conftest import BOOTSTRAP_KEY, SECRET
from tests.localstack.stack import Stack
from tests.support.recorder import Recorder

NOTES: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who first needs a server waits for its installation or deployment; all wait for minutes of EventBridge."""
    seen: set[str] = set()
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("timeout"):
            needed = {"small", "stack"} & set(getattr(item, "fixturenames", ()))
            item.add_marker(pytest.mark.timeout(400 if needed <= seen else 1500))
            seen |= needed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How long the parts took."""
    if NOTES:
        terminalreporter.section("LocalStack")
        terminalreporter.write_line("\n".join(NOTES))


def note(what: str, began: float) -> None:
    """A line for the end of the run."""
    NOTES.append(f"{what}: {time.monotonic() - began:.1f} s")


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """An empty database: the stack migrates it itself."""
    name, server = f"localstack_{uuid.uuid4().hex[:12]}", os.environ["MILLRACE_TEST_DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Stack]:
    """Everything, deployed."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    servers = os.environ.get("MILLRACE_TEST_KAFKA", "none")
    if servers == "none":
        pytest.skip("no Kafka: " + os.environ.get("MILLRACE_TEST_KAFKA_OFF_REASON", "not started"))
    home = Home.at(tmp_path_factory.mktemp("localstack"), os.environ)
    began = time.monotonic()
    server = LocalStack(home, ensure(os.environ, lambda text: print(text, flush=True)))
    note("installing LocalStack (once for each machine)", began)
    try:
        yield _deployed(server, home, database, servers, tmp_path_factory.mktemp("artifact"))
    finally:
        began = time.monotonic()
        server.stop()
        note("stopping", began)


def _deployed(server: LocalStack, home: Home, database: str, servers: str, out: Path) -> Stack:
    began = time.monotonic()
    web_app = FrontendBuild(CHECKOUT, home.logs / "frontend-build.log", home.env)
    failures = run_together({"localstack": server.start(), "web app": web_app.run()})
    for failure in failures.values():
        raise failure
    note("starting LocalStack, building the web app", began)
    topic = f"orders-{uuid.uuid4().hex[:8]}"
    settings = Settings(
        database_url=database,
        redis_url=os.environ["MILLRACE_TEST_REDIS_URL"],
        kafka_bootstrap_servers=servers,
        secret=SECRET,
        bootstrap_key=BOOTSTRAP_KEY,
        topics=[topic],
        parameters={"EgressAllow": "127.0.0.1"},
    )
    target = Target(server.url, server.host)
    began = time.monotonic()
    deployment = deploy(target, settings, lambda text: print(text, flush=True), out=out, site=CHECKOUT / "frontend" / "dist")
    note("building the artifact and deploying", began)
    return Stack(server, target, deployment, settings, topic)


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """The witness of effects."""
    started = Recorder(tmp_path_factory.mktemp("recorder"))
    yield started
    started.stop()

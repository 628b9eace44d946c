"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import app
from chalicelib.core import metrics
from functions import engine, webhook
from infra.aws.package import SANDBOX, Artifact, build
from tests.contract.recorded import RestClient, context, is_delivery
from tests.contract.runtime import NOTES, why_not
from tests.support.workflows import Database


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the artifact weighs and how long its functions take to start."""
    if NOTES:
        terminalreporter.section("the artifact")
        terminalreporter.write_line("\n".join(NOTES))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The test's database, with a connection of its own."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def lambda_process(settings_env: object) -> Iterator[None]:
    """This process as a Lambda environment would be: the engine's loop and worker are made for the test and closed after it."""
    engine._runtime.cache_clear()
    metrics.use_sink(None)
    yield
    if engine._runtime.cache_info().currsize:
        loop, worker = engine._runtime()
        loop.run_until_complete(worker.close())
        loop.close()
    engine._runtime.cache_clear()
    metrics.use_sink(None)


@pytest.fixture
def rest() -> RestClient:
    """The REST API, called in this process as API Gateway would."""
    return RestClient(lambda event: (webhook.handler if is_delivery(event) else app)(event, context()), app.routes)


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The artifact, built once."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    return build(tmp_path_factory.mktemp("artifact"), print)


@pytest.fixture(scope="session")
def sandbox_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The sandbox's artifact, built once."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    return build(tmp_path_factory.mktemp("sandbox-artifact"), print, kit=SANDBOX)


@pytest.fixture(scope="session")
def sandbox_unpacked(sandbox_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sandbox's artifact as Lambda unpacks it: with the rights its entries have."""
    import subprocess

    folder = tmp_path_factory.mktemp("sandbox-task")
    folder.chmod(0o755)
    subprocess.run(["unzip", "-q", str(sandbox_artifact.path), "-d", str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def unpacked(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact as Lambda unpacks it, which functions only read."""
    import zipfile

    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(artifact.path) as packed:
        packed.extractall(folder)
    return folder

"""The artifact: what is in it, and every function in it started by AWS's own runtime client from the artifact alone, against real servers."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from app import app
from chalicelib.core.config import VARIABLES, Settings
from functions.manifest import FUNCTIONS, Function, function
from infra.aws.__main__ import main
from infra.aws.dependencies import CannotBuild
from infra.aws.package import CHECKOUT, LIMIT_BYTES, Artifact, build
from tests.contract.recorded import RestClient, is_delivery, recorded
from tests.contract.runtime import NOTES, Environment, InvokeApi, interpreter
from tests.support.workflows import Database, definition

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # the first build installs the packages

# A module that a function has no use for, and pays for at every cold start.
NEEDLESS = {
    "api": {"aiohttp", "alembic", "boto3"},
    "webhook": {"aiohttp", "alembic", "aws_lambda_powertools", "boto3", "botocore", "cel_expr_python", "cryptography", "jsonschema", "jwt", "kafka", "pydantic", "redis", "sqlalchemy", "urllib3", "yaml"},
    "engine": {"alembic", "boto3", "chalice"},
    "scheduler": {"aiohttp", "alembic", "boto3", "chalice"},
    "fire": {"aiohttp", "alembic", "boto3", "chalice"},
    "mirror": {"aiohttp", "alembic", "boto3", "chalice"},
    "kafka": {"aiohttp", "alembic", "boto3", "chalice"},
    "analytics": {"aiohttp", "alembic", "boto3", "cel_expr_python", "chalice", "kafka"},
    "migrate": {"aiohttp", "boto3", "cel_expr_python", "chalice", "jsonschema", "kafka", "redis"},
}
SUM = definition({"id": "sum", "type": "transform", "config": {"assign": {"total": "input.a + input.b"}}})

Start = Callable[..., Environment]


def names(artifact: Artifact) -> list[str]:
    with zipfile.ZipFile(artifact.path) as packed:
        return packed.namelist()


def test_it_holds_our_code_and_no_tests_and_stays_under_its_limit(artifact: Artifact) -> None:
    NOTES.append(artifact.report())
    inside = set(names(artifact))
    assert {
        "app.py",
        "functions/manifest.py",
        "chalicelib/core/config.py",
        "infra/migrations/versions/0001_foundation.py",
    } <= inside
    assert not [name for name in inside if re.search(r"(^|/)tests?/|^infra/host|^frontend|\.pyi$|^bin/", name)]
    assert artifact.unzipped < LIMIT_BYTES == 130_000_000
    with zipfile.ZipFile(artifact.path) as packed:
        assert (
            sum(entry.file_size for entry in packed.infolist())
            == artifact.unzipped
            == sum(each.unzipped for each in artifact.packages)
        )


def test_its_entries_are_sorted_and_dated_alike(artifact: Artifact) -> None:
    with zipfile.ZipFile(artifact.path) as packed:
        entries = packed.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


def test_the_command_builds_the_same_bytes_again_and_prints_the_ten_largest_packages(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["package", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert artifact.sha256 in printed
    assert "as built before" in printed
    table = printed[printed.index("package ") :].split("\n\n")[0].splitlines()
    assert len(table) == 1 + 10 + 1
    assert re.match(r"cel-expr-python +\d+\.\d", table[1])
    note = json.loads((tmp_path / "artifact.json").read_text())
    assert (note["sha256"], note["key"], note["unzipped"]) == (artifact.sha256, artifact.key, artifact.unzipped)


def test_one_that_grows_too_large_is_not_built(artifact: Artifact, tmp_path: Path) -> None:
    with pytest.raises(CannotBuild, match=r"cel-expr-python(.|\n)*must stay under 50 MB"):
        build(tmp_path, lambda _: None, limit=50_000_000)
    assert not list(tmp_path.iterdir())


def test_what_its_packages_need_is_in_it(unpacked: Path) -> None:
    """requirements.txt is installed without resolving; so each package's own list is checked here. Chalice's are those of its command line."""
    found = {each.name.lower().replace("_", "-"): each for each in importlib.metadata.distributions(path=[str(unpacked)])}
    missing = []
    for name, each in found.items():
        for line in each.requires or []:
            needed = Requirement(line)
            if name == "chalice" or (needed.marker and not needed.marker.evaluate({"extra": ""})):
                continue
            there = found.get(needed.name.lower().replace("_", "-"))
            if there is None or not needed.specifier.contains(there.version, prereleases=True):
                missing.append(f"{name} needs {needed}")
    assert missing == []
    listed = re.findall(r"^([a-z0-9-]+)(?:\[\w+\])?==(\S+)$", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE)
    assert {name: each.version for name, each in found.items()} == dict(listed)


@pytest.mark.parametrize("each", [each for each in FUNCTIONS if not each.walled], ids=lambda each: each.name)
def test_a_cold_start_imports_nothing_needless(unpacked: Path, each: Function) -> None:
    """And says what it costs. Byte code is in the artifact; without it, it costs three times as much."""
    code = (
        "import sys, time, json; sys.path.insert(0, sys.argv[1]); t = time.process_time(); "
        "import importlib; importlib.import_module(sys.argv[2]); cpu = time.process_time() - t; "
        "resident = [int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')][0]; "
        "print(json.dumps([round(cpu, 3), resident // 1024, sorted(sys.modules)]))"
    )
    module = each.handler.rpartition(".")[0]
    done = subprocess.run(
        [interpreter(), "-I", "-S", "-B", "-c", code, str(unpacked), module], env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    cpu, megabytes, modules = json.loads(done.stdout)
    NOTES.append(f"{each.name}: importing takes {cpu:.2f} s of CPU, {len(modules)} modules, {megabytes} MB")
    assert not NEEDLESS[each.name] & set(modules)
    assert megabytes < each.memory_mb / 2


@pytest.fixture
def invoke_api() -> Iterator[InvokeApi]:
    service = InvokeApi()
    yield service
    service.stop()


@pytest.fixture
def start(unpacked: Path, settings_env: Settings, invoke_api: InvokeApi) -> Iterator[Start]:
    """Starts a function from the artifact with the variables the template would give it."""
    running: list[Environment] = []
    variables = {name: os.environ[name] for name in VARIABLES.values() if name in os.environ}
    variables |= {"MILLRACE_ENGINE_FUNCTION": "millrace-engine", "AWS_ENDPOINT_URL_LAMBDA": invoke_api.url}

    def start(name: str, **more: str) -> Environment:
        environment = Environment(function(name), unpacked, {**variables, **more})
        running.append(environment)
        if not any(note.startswith(f"{name}: ready") for note in NOTES):
            NOTES.append(f"{name}: ready under the runtime client {environment.init_seconds:.2f} s after its start")
        return environment

    yield start
    for environment in running:
        environment.stop()


@pytest.fixture
def rest(start: Start) -> RestClient:
    """The functions of the REST API, started."""
    return _rest(start)


def _rest(start: Start, **webhooks: str) -> RestClient:
    """A client of both; `webhook` is the environment that deliveries go to, started with these variables."""
    api, webhook = start("api"), start("webhook", **webhooks)
    client = RestClient(lambda event: _proxied(webhook if is_delivery(event) else api, event), app.routes)
    client.webhook = webhook  # type: ignore[attr-defined]
    return client


def _proxied(environment: Environment, event: dict[str, Any]) -> dict[str, Any]:
    outcome = environment.invoke(event, seconds=29)
    assert outcome.error is None, outcome.error
    environment.last = outcome  # type: ignore[attr-defined]
    answer: dict[str, Any] = outcome.payload
    return answer


def line_with(logs: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """The one log line with these fields."""
    (found,) = [line for line in logs if fields.items() <= line.items()]
    return found


def test_api_and_engine_carry_a_workflow_from_creation_to_its_end(
    rest: RestClient, start: Start, invoke_api: InvokeApi, database: Database
) -> None:
    workflow = rest.publish(SUM)
    rest.trigger(workflow, "api", path="artifact-sum")
    invoke_api.invoked.clear()
    _, _, accepted = rest.send("POST", "/trigger/artifact-sum", {"a": 40, "b": 2}, key=False)

    outcome = rest.webhook.last  # type: ignore[attr-defined]
    line = line_with(outcome.logs(), message="request", execution_id=accepted["execution_id"])
    assert (line["service"], line["route"], line["status"], line["level"]) == ("millrace.api", "/trigger/{path}", 202, "INFO")
    assert line["request_id"]
    assert "http_request_seconds" in outcome.metrics()

    assert invoke_api.invoked == [("millrace-engine", {"source": "wake"})]
    engine = start("engine")
    outcome = engine.invoke(invoke_api.invoked[0][1])
    assert (outcome.payload, outcome.error) == ({"claimed": 1}, None)
    line = line_with(outcome.logs(), execution_id=accepted["execution_id"])
    assert (line["workflow_id"], line["message"]) == (workflow["id"], "execution succeeded")
    assert line["function_request_id"] == outcome.request_id
    assert outcome.metrics()["executions_claimed"] == [1.0]
    assert database.one("SELECT status, output FROM executions") == {"status": "succeeded", "output": '{"sum":{"total":42}}'}

    assert rest.want("GET", f"/executions/{accepted['execution_id']}")["output"] == {"sum": {"total": 42}}
    assert engine.invoke({"source": "wake"}).payload == {"claimed": 0}  # a warm environment, and nothing to do


def test_the_api_answers_problems_from_the_artifact_too(rest: RestClient) -> None:
    for path, status, code in (("/nowhere", 404, "not_found"), ("/workflows/wf_0", 404, "not_found")):
        got, headers, problem = rest.send("GET", path)
        assert (got, problem["code"], headers["content-type"]) == (status, code, "application/problem+json")
    assert rest.want("GET", "/health", key=False)["checks"]["database"]["status"] == "ok"
    assert rest.want("GET", "/openapi.json", key=False)["openapi"].startswith("3.1")


def test_the_scheduler_fires_and_wakes_the_engine(
    start: Start, rest: RestClient, invoke_api: InvokeApi, database: Database
) -> None:
    trigger = rest.trigger(rest.publish(SUM), "schedule", every_seconds=1)
    invoke_api.invoked.clear()
    outcome = start("scheduler").invoke(recorded("eventbridge_scheduled"), seconds=8)
    assert outcome.error is None
    assert outcome.payload["fired"] >= 1
    assert ("millrace-engine", {"source": "wake"}) in invoke_api.invoked
    assert (
        database.one("SELECT count(*) AS n FROM executions WHERE trigger_id = %(id)s", id=trigger["id"])["n"]
        == outcome.payload["fired"]
    )
    line = line_with(outcome.logs(), message="tick ended")
    assert (line["service"], line["request_id"]) == ("millrace.scheduler", outcome.request_id)
    assert "schedule_occurrences" in outcome.metrics()


def test_kafka_starts_executions_once(start: Start, rest: RestClient, invoke_api: InvokeApi, database: Database) -> None:
    rest.trigger(rest.publish(SUM), "kafka", topic="orders")
    invoke_api.invoked.clear()
    environment = start("kafka")
    for name in ("msk", "self_managed_kafka", "msk"):
        outcome = environment.invoke(recorded(name))
        assert (outcome.payload, outcome.error) == ({"batchItemFailures": []}, None)
        assert "kafka_records" in outcome.metrics()
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 3
    assert invoke_api.invoked
    assert line_with(outcome.logs(), message="records taken")["request_id"] == outcome.request_id


def test_a_trigger_is_accepted_when_the_engine_cannot_be_woken(start: Start, database: Database) -> None:
    """Lambda's API takes the connection and says nothing, as without a route out of the VPC."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = _rest(start, AWS_ENDPOINT_URL_LAMBDA=f"http://127.0.0.1:{silent.getsockname()[1]}")
        client.trigger(client.publish(SUM), "api", path="artifact-silent")
        status, _, accepted = client.send("POST", "/trigger/artifact-silent", {"a": 1, "b": 2}, key=False)
    assert status == 202
    assert database.one("SELECT id FROM executions")["id"] == accepted["execution_id"]
    assert any("could not be woken" in line for line in client.webhook.last.lines)  # type: ignore[attr-defined]


def test_migrations_run_from_the_artifact(start: Start, database: Database) -> None:
    outcome = start("migrate").invoke({})
    assert outcome.error is None
    assert (
        outcome.payload["before"] == outcome.payload["after"] == database.one("SELECT version_num AS at FROM alembic_version")["at"]
    )
    assert line_with(outcome.logs(), message="migrated")["request_id"] == outcome.request_id


def test_an_empty_database_is_brought_up_from_the_artifact(start: Start, database: Database) -> None:
    name = f"empty_{os.getpid()}_{time.monotonic_ns()}"
    database.execute(f"CREATE DATABASE {name}")
    try:
        url = database.url.rsplit("/", 1)[0] + "/" + name
        outcome = start("migrate", DATABASE_URL=url).invoke({}, seconds=120)
        assert outcome.error is None
        assert outcome.payload["before"] is None
        assert outcome.payload["after"] == database.one("SELECT version_num AS at FROM alembic_version")["at"]
    finally:
        database.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_failing_function_reports_its_error_and_lives_on(start: Start) -> None:
    environment = start("kafka")
    outcome = environment.invoke({"eventSource": "aws:sqs", "Records": []})
    assert outcome.error is not None
    assert outcome.error["errorType"] == "BadRequest"
    assert environment.invoke({"eventSource": "aws:kafka", "records": {}}).payload == {"batchItemFailures": []}


def test_the_interpreter_sees_nothing_but_the_artifact(unpacked: Path) -> None:
    """Otherwise a package that is missing in the artifact would be found in the tests' own environment."""
    done = subprocess.run(
        [interpreter(), "-s", "-S", "-c", "import pytest"], env={"PYTHONPATH": str(unpacked)}, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert sys.prefix != sys.base_prefix, "run the tests in a virtual environment"

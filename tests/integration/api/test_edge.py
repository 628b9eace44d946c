"""What the edge does when things go wrong on our side, and the same application behind API Gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from chalicelib.api import endpoint
from chalicelib.core import metrics
from chalicelib.core.config import Settings
from chalicelib.workflows import service
from tests.conftest import BOOTSTRAP_KEY
from tests.support.api import ECHO, ApiClient
from tests.support.workflows import Database


def test_a_fault_of_ours_is_a_problem_that_tells_nothing(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(service, "list_page", broken)
    answer = api.get("/workflows")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret detail" not in answer.body
    (logged,) = [record for record in caplog.records if record.exc_info]
    assert "a secret detail" in str(logged.exc_info)
    assert logged.__dict__["request_id"] == answer.json["request_id"] == answer.headers["x-request-id"]


def test_connections_that_died_between_requests_are_not_noticed(api: ApiClient, database: Database) -> None:
    for _ in range(3):
        assert api.get("/workflows").status == 200
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_transaction_the_server_gave_up_runs_again_as_a_whole(api: ApiClient, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    real, runs = service.create, []

    def failing(connection: Any, *arguments: Any) -> Any:
        made = real(connection, *arguments)
        runs.append(made["id"])
        if len(runs) < 3:
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'busy' USING ERRCODE = '{code}'; END $$")
        return made

    monkeypatch.setattr(service, "create", failing)
    made = api.post("/workflows", {"name": "x", "definition": ECHO})
    assert made.status == 201
    assert len(runs) == 3
    assert [item["id"] for item in api.get("/workflows").json["items"]] == [runs[-1]]


def test_when_the_commit_is_lost_the_answer_says_that_nobody_knows(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost:
        def __enter__(self) -> Any:
            return SimpleNamespace()

        def __exit__(self, kind: Any, *_: Any) -> None:
            if kind is None:
                raise OperationalError("COMMIT", {}, psycopg.OperationalError("server closed the connection unexpectedly"))

    runs = []
    monkeypatch.setattr(endpoint, "transaction", Lost)
    monkeypatch.setattr(service, "list_page", lambda *_, **__: runs.append(1) or [])
    answer = api.get("/workflows")
    assert (answer.status, answer.code) == (503, "unavailable")
    assert "not known" in answer.json["detail"]
    assert runs == [1]


def event(method: str, resource: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
    """A REST proxy event as API Gateway sends it with binary media types `*/*`."""
    names = resource.count("{")
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers or None,
        "multiValueHeaders": {name: [value] for name, value in headers.items()} or None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {resource.split("{")[1].split("}")[0]: path.split("/")[2]} if names else None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }


CONTEXT = SimpleNamespace(
    aws_request_id="1", function_name="api", memory_limit_in_mb=512, invoked_function_arn="arn", log_stream_name="s"
)


@pytest.fixture
def gateway(settings_env: Settings) -> Iterator[Any]:
    """The application as the Lambda runtime calls it."""
    from app import app

    metrics.use_sink(None)
    yield lambda sent: app(sent, CONTEXT)
    metrics.use_sink(None)


def test_behind_api_gateway(gateway: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    key = {"authorization": f"Bearer {BOOTSTRAP_KEY}"}
    body = json.dumps({"name": "x", "definition": ECHO}).encode()
    made = gateway(event("POST", "/workflows", "/workflows", body, **key, **{"Content-Type": "application/json"}))
    assert made["statusCode"] == 201
    workflow = json.loads(made["body"])
    assert made["headers"]["Location"] == f"/api/workflows/{workflow['id']}"
    assert made["isBase64Encoded"] is False
    assert gateway(event("POST", "/workflows/{id}/publish", f"/workflows/{workflow['id']}/publish", **key))["statusCode"] == 201
    trigger = json.dumps({"workflow_id": workflow["id"], "type": "api", "config": {"path": "aws"}}).encode()
    assert gateway(event("POST", "/triggers", "/triggers", trigger, **key))["statusCode"] == 201
    capsys.readouterr()
    caplog.clear()
    accepted = gateway(event("POST", "/trigger/{path}", "/trigger/aws", b"\xff\x00", **{"Content-Type": "application/x-thing"}))
    assert accepted["statusCode"] == 202
    (access,) = [record.__dict__ for record in caplog.records if record.message == "request"]
    assert access["execution_id"] == json.loads(accepted["body"])["execution_id"] == accepted["headers"]["Millrace-Execution-Id"]
    assert (access["request_id"], access["status"], access["route"]) == (
        "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        202,
        "/trigger/{path}",
    )
    measured = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert any(line.get("http_requests") == [1.0] and line["route"] == "/trigger/{path}" for line in measured)


def test_what_chalice_refuses_by_itself_is_a_problem_too(gateway: Any) -> None:
    for method, resource, status, code in (("FLY", "/workflows", 405, "method_not_allowed"), ("GET", "/{proxy+}", 404, "not_found")):
        answer = gateway(event(method, resource, "/workflows/x"))
        assert answer["statusCode"] == status
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert json.loads(answer["body"])["code"] == code


def test_no_header_is_needed_for_an_answer(gateway: Any) -> None:
    assert gateway(event("GET", "/health", "/health"))["statusCode"] == 200
    assert gateway(event("GET", "/workflows", "/workflows"))["statusCode"] == 401

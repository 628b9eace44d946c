"""The webhook's function: it loads little, and answers exactly as the application does at the same routes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app import app
from chalicelib.core.config import Settings
from functions import webhook
from infra.aws.package import CHECKOUT
from tests.contract.recorded import RestClient, context, rest_event
from tests.contract.runtime import InvokeApi
from tests.support.workflows import Database, definition

pytestmark = pytest.mark.usefixtures("lambda_process")

ECHO = definition({"id": "echo", "type": "transform", "config": {"assign": {"got": "input"}}})

# Each of these costs what a delivery takes, or several times that.
HEAVY = {"aiohttp", "alembic", "boto3", "cel_expr_python", "jsonschema", "jwt", "kafka", "pydantic", "sqlalchemy", "yaml"}
ALONE = """
import json, sys
from functions import webhook
imported = set(sys.modules)
from awslambdaric.lambda_context import LambdaContext
answers = [webhook.handler(event, LambdaContext("r", None, None, 0, "arn:aws:lambda:eu-central-1:123456789012:function:f")) for event in json.load(sys.stdin)]
print(json.dumps([sorted(imported), sorted(sys.modules), answers]))
"""


def top(names: list[str]) -> set[str]:
    """The libraries of these modules."""
    return {name.partition(".")[0] for name in names}


@pytest.fixture
def invoke_api() -> Iterator[InvokeApi]:
    service = InvokeApi()
    yield service
    service.stop()


def test_it_loads_psycopg_and_chalice_and_a_delivery_little_more(
    rest: RestClient, settings_env: Settings, invoke_api: InvokeApi, database: Database
) -> None:
    """In a process of its own: what is imported at a cold start, and what a delivery adds that starts an execution and wakes the engine."""
    rest.trigger(rest.publish(ECHO), "api", path="lean")
    events = [rest_event(app.routes, "POST", "/trigger/lean", {"n": n}, key=False) for n in range(2)]
    environment = os.environ | {
        "MILLRACE_ENGINE_FUNCTION": "millrace-engine",
        "AWS_ENDPOINT_URL_LAMBDA": invoke_api.url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    done = subprocess.run(
        [sys.executable, "-c", ALONE], input=json.dumps(events), cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True
    )
    imported, loaded, answers = json.loads(done.stdout.splitlines()[-1])
    assert [answer["statusCode"] for answer in answers] == [202, 202], answers
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 2
    assert invoke_api.invoked == [("millrace-engine", {"source": "wake"})]  # one for both: the engine has not begun yet
    assert top(imported) & (HEAVY | {"aws_lambda_powertools", "botocore", "redis", "urllib3"}) == set()
    assert {"psycopg", "chalice"} <= top(imported)
    assert top(loaded) & HEAVY == set()
    assert "cryptography.hazmat" not in loaded


REQUESTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "/trigger/same", {"body": {"n": 1}, "Idempotency-Key": "k-1"}, 202),
    ("POST", "/trigger/same", {"body": {"n": 2}, "Idempotency-Key": "k-1"}, 422),
    ("POST", "/trigger/same", {"raw": b"{"}, 400),
    ("POST", "/trigger/same", {"raw": b"x", "Content-Type": "multipart/form-data"}, 400),
    ("POST", "/trigger/same", {"body": {}, "query": "wait=0"}, 422),
    ("POST", "/trigger/same", {"body": {}, "query": "wait=x"}, 422),
    ("POST", "/trigger/nobody", {"body": {}}, 404),
    ("POST", "/trigger/" + "x" * 201, {"body": {}}, 404),
    ("PUT", "/trigger/same", {"body": {}}, 405),
    ("HEAD", "/trigger/same", {}, 405),
    ("OPTIONS", "/trigger/same", {}, 405),
    ("TRACE", "/trigger/same", {}, 405),
    ("OPTIONS", "/trigger/same", {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}, 204),
    ("POST", "/trigger/same", {"body": {}, "Origin": "https://app.example", "Idempotency-Key": "k-2"}, 202),
    ("POST", "/trigger/same/test/nothing", {"body": {}}, 404),
]


def said(response: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    """An answer without what is new in every one."""
    body = re.sub(r'"request_id":"[^"]*"|exe_[0-9a-z]{26}', "", response["body"])
    kept = {name: value for name, value in response["headers"].items() if name != "Millrace-Execution-Id"}
    return response["statusCode"], kept, body


@pytest.mark.parametrize(("method", "path", "how", "status"), REQUESTS, ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "")
def test_it_answers_as_the_application_does(rest: RestClient, method: str, path: str, how: dict[str, Any], status: int) -> None:
    rest.trigger(rest.publish(ECHO), "api", path="same", cors={"origins": ["https://app.example"]})
    rest.send("POST", "/trigger/same", {"n": 1}, key=False, **{"Idempotency-Key": "k-1"})
    rest.send("POST", "/trigger/same", {}, key=False, **{"Idempotency-Key": "k-2"})
    event = rest_event(app.routes, method, path, how.get("body"), key=False, **{name: value for name, value in how.items() if name != "body"})
    first = said(webhook.handler(json.loads(json.dumps(event)), context()))
    assert first == said(app(event, context()))
    assert first[0] == status


def test_the_test_url_works_there_too(rest: RestClient) -> None:
    trigger = rest.trigger(rest.publish(ECHO), "api", path="tried")
    url = rest.want("POST", f"/triggers/{trigger['id']}/test", {"run": False})["url"]
    path = url.partition("/api")[2]
    caught = rest.want("POST", path, {"n": 7}, key=False)
    assert (caught["captured"], caught["input"]) == (True, {"n": 7})


def test_an_unknown_route_is_a_problem(rest: RestClient) -> None:
    event = rest_event(app.routes, "POST", "/trigger/a/b/c/d", {}, key=False)
    answer = webhook.handler(event, context())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "not_found")

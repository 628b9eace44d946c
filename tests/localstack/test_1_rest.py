"""Through API Gateway: a workflow from creation to its end, in every way a program would do it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest

from functions.manifest import FUNCTIONS, Schedule
from tests.localstack.stack import Stack
from tests.support.recorder import Recorder
from tests.support.workflows import definition

SUM = definition({"id": "sum", "type": "transform", "config": {"assign": {"total": "input.a + input.b"}}})
GREET = definition(
    {"id": "greeting", "type": "transform", "config": {"assign": {"text": "'Hello, ' + input.name"}}},
    {"id": "answer", "type": "respond", "config": {"status": 201, "headers": {"X-Said": "yes"}, "body": "{{ nodes.greeting.output }}"}},
    edges=[("greeting", "answer")],
)


def test_the_stack_is_what_the_manifest_says(stack: Stack) -> None:
    functions = {each["FunctionName"]: each for page in stack.aws("lambda").get_paginator("list_functions").paginate() for each in page["Functions"]}
    assert set(functions) == {stack.function_name(each.name) for each in FUNCTIONS}
    for each in FUNCTIONS:
        found = functions[stack.function_name(each.name)]
        assert (found["Handler"], found["Timeout"], found["MemorySize"]) == (each.handler, each.timeout_seconds, each.memory_mb)
        assert set(found["Environment"]["Variables"]) == set(each.environment)
    ours, walled = ({functions[stack.function_name(each.name)]["CodeSha256"] for each in FUNCTIONS if each.walled == walled} for walled in (False, True))
    assert (len(ours), len(walled), len(ours | walled)) == (1, 1, 2)  # one artifact for all of ours, another for what users write
    rules = stack.aws("events").list_rules()["Rules"]
    assert sorted(rule["ScheduleExpression"] for rule in rules) == sorted(e.source.expression for e in FUNCTIONS if isinstance(e.source, Schedule))


def test_health_and_the_document_need_no_key(stack: Stack) -> None:
    health = stack.call("GET", "/health", key=False)
    assert (health.status, {name: check["status"] for name, check in health.json()["checks"].items()}["database"]) == (200, "ok")
    assert stack.call("GET", "/openapi.json", key=False).json()["openapi"].startswith("3.1")


def test_an_api_trigger_runs_a_workflow_to_its_end(stack: Stack) -> None:
    trigger = stack.trigger(stack.publish(SUM), "api")
    assert trigger["url"].startswith(stack.deployment.api_url + "/trigger/")
    path = trigger["url"].removeprefix(stack.deployment.api_url)
    accepted = stack.call("POST", path, {"a": 20, "b": 22}, key=False, Idempotency_Key="k-1")
    assert accepted.status == 202
    execution_id = accepted.json()["execution_id"]
    assert accepted.headers["millrace-execution-id"] == execution_id
    again = stack.call("POST", path, {"a": 20, "b": 22}, key=False, Idempotency_Key="k-1")
    assert (again.status, again.json()["execution_id"], again.json()["duplicate"]) == (202, execution_id, True)
    ended = stack.ended(execution_id)
    assert (ended["status"], ended["output"]) == ("succeeded", {"sum": {"total": 42}})
    assert stack.call("GET", path, key=False).status == 405


def test_a_caller_may_wait_for_the_workflows_own_answer(stack: Stack) -> None:
    path = stack.trigger(stack.publish(GREET), "api")["url"].removeprefix(stack.deployment.api_url)
    answer = stack.call("POST", f"{path}?wait=25", {"name": "Ada"}, key=False)
    assert (answer.status, answer.headers["x-said"], answer.json()) == (201, "yes", {"text": "Hello, Ada"})
    assert stack.ended(answer.headers["millrace-execution-id"])["status"] == "succeeded"


def test_an_effect_reaches_the_world_with_its_key(stack: Stack, recorder: Recorder) -> None:
    call = {"id": "call", "type": "http.request", "config": {"method": "POST", "url": f"{recorder.url}/rest", "body": {"n": "{{ input.n }}"}}}
    execution_id = stack.start(stack.publish(definition(call)), {"n": 7})
    assert stack.ended(execution_id)["status"] == "succeeded"
    (seen,) = [each for each in recorder.calls() if each["path"] == "/rest"]
    assert seen["body"] == {"n": 7}
    assert seen["key"].startswith(execution_id)


def test_users_code_runs_in_the_walled_function(stack: Stack) -> None:
    source = "def main(input):\n    return {'doubled': [n * 2 for n in input['numbers']]}"
    doubling = {"id": "code", "type": "function", "config": {"language": "python", "source": source, "input": {"numbers": "{{ input.numbers }}"}}}
    ended = stack.ended(stack.start(stack.publish(definition(doubling)), {"numbers": [1, 2, 3]}))
    assert (ended["status"], ended["output"]) == ("succeeded", {"code": {"doubled": [2, 4, 6]}}), ended["error"]
    assert stack.lines("sandbox")


def test_signatures_hold_since_bodies_arrive_byte_for_byte(stack: Stack) -> None:
    key = b"a key of thirty-two bytes, nearly"
    secret = "whsec_" + base64.b64encode(key).decode()
    trigger = stack.trigger(stack.publish(SUM), "api", auth={"type": "standard_webhooks", "secret": secret})
    path = trigger["url"].removeprefix(stack.deployment.api_url)
    body, at = b'{ "a" : 1,\n "b":2, "e":"\xc3\xa9" }', str(int(time.time()))
    signed = base64.b64encode(hmac.new(key, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    sent = {"Content_Type": "application/json", "webhook_id": "msg_1", "webhook_timestamp": at}
    assert stack.call("POST", path, raw=body, key=False, webhook_signature=f"v1,{signed}", **sent).status == 202
    refused = stack.call("POST", path, raw=body + b" ", key=False, webhook_signature=f"v1,{signed}", **sent)
    assert (refused.status, refused.headers["content-type"]) == (401, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/workflows/x/y/z/nothing?q=1", 404, "not_found"),
        ("GET", "/workflows/wf_unknown", 404, "not_found"),
        ("GET", "/executions?limit=0", 422, "validation_failed"),
    ],
)
def test_what_is_not_there_is_a_problem(stack: Stack, method: str, path: str, status: int, code: str) -> None:
    reply = stack.call(method, path)
    assert (reply.status, reply.headers["content-type"], reply.json()["code"]) == (status, "application/problem+json", code)


def test_no_key_is_a_problem_too(stack: Stack) -> None:
    reply = stack.call("GET", "/workflows", key=False)
    assert (reply.status, reply.headers["content-type"], reply.json()["code"]) == (401, "application/problem+json", "unauthenticated")
    reply = stack.call("POST", "/workflows", raw=b"{nonsense", Content_Type="application/json")
    assert (reply.status, reply.json()["code"]) == (400, "invalid_json")


def test_credentials_are_sealed_by_kms(stack: Stack) -> None:
    made = stack.api("POST", "/credentials", {"name": "Sealed in the stack", "type": "bearer", "data": {"token": "t-0123456789"}, "hosts": ["pay.example"]}, status=201)
    assert "t-0123456789" not in json.dumps(made)
    assert "t-0123456789" not in json.dumps(stack.api("GET", f"/credentials/{made['id']}"))
    keys = [key["KeyId"] for key in stack.aws("kms").list_keys()["Keys"]]
    assert any("credentials" in (stack.aws("kms").describe_key(KeyId=key)["KeyMetadata"].get("Description") or "") for key in keys)

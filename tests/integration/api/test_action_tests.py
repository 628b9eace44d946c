"""POST /registry/actions/{type}/test: every built-in type, with pinned data; and workflows deleted with what runs of them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chalicelib.registry.catalogue import catalogue
from tests.support.api import ApiClient
from tests.support.http_server import answer, serving
from tests.support.workflows import Database, definition, published, started


def tried(api: ApiClient, node_type: str, config: dict[str, Any], **context: Any) -> dict[str, Any]:
    answer = api.post(f"/registry/actions/{node_type}/test", {"config": config, "context": context})
    assert answer.status == 200, answer.body
    assert answer.json["duration_ms"] > 0
    return answer.json


PURE: list[tuple[str, dict[str, Any], str, Any]] = [
    ("transform", {"assign": {"sum": "input.a + nodes.before.output.b"}}, "succeeded", {"sum": 3}),
    ("condition", {"expression": "input.a > 0"}, "succeeded", {"result": True}),
    ("switch", {"cases": [{"name": "one", "expression": "input.a == 1"}]}, "succeeded", {"case": "one"}),
    ("respond", {"body": "{{ input.a }}"}, "succeeded", {"status": 200, "headers": {}, "body": 1}),
    ("stop", {"output": "{{ input.a }}"}, "succeeded", 1),
    ("delay", {"until": "2100-01-01T00:00:00Z"}, "failed", None),  # more than a year away
    ("wait.callback", {}, "waiting", None),
    ("approval", {"message": "Pay {{ input.a }}?"}, "waiting", None),
    ("wait.event", {"name": "paid", "match": "event.payload.n == input.a"}, "waiting", None),
]


@pytest.mark.parametrize(("node_type", "config", "status", "output"), PURE)
def test_types_that_call_nobody(api: ApiClient, database: Database, node_type: str, config: dict[str, Any], status: str, output: Any) -> None:
    tested = tried(api, node_type, config, input={"a": 1}, nodes={"before": {"output": {"b": 2}}})
    assert (tested["status"], tested["output"]) == (status, output)
    assert (tested["error"] is None) == (status != "failed")
    assert database.one("SELECT (SELECT count(*) FROM executions) + (SELECT count(*) FROM node_runs) AS n")["n"] == 0


def test_a_delay_waits_and_says_until_when(api: ApiClient, database: Database) -> None:
    tested = tried(api, "delay", {"seconds": 60})
    assert tested["status"] == "waiting"
    assert "until" in tested["output"]


def test_fail_fails_with_its_message(api: ApiClient, database: Database) -> None:
    tested = tried(api, "fail", {"message": "no {{ input.what }}"}, input={"what": "luck"})
    assert (tested["status"], tested["error"]) == ("failed", {"code": "failed", "message": "no luck"})


@pytest.mark.parametrize(
    ("config", "code"),
    [({"assign": {"x": "input.missing"}}, "expression_error"), ({"assign": {"x": "1 +"}}, "expression_error"), ({"other": 1}, "invalid_config")],
)
def test_what_is_wrong_is_said_and_not_raised(api: ApiClient, database: Database, config: dict[str, Any], code: str) -> None:
    tested = tried(api, "transform", config)
    assert (tested["status"], tested["error"]["code"]) == ("failed", code)


def test_a_loop_runs_its_body(api: ApiClient, database: Database) -> None:
    body = {"nodes": [{"id": "t", "type": "transform", "config": {"assign": {"v": "item * input.by"}}}], "output": "{{ nodes.t.output.v }}"}
    assert tried(api, "map", {"items": "{{ input.items }}", "body": body}, input={"items": [1, 2, 3], "by": 2})["output"] == [2, 4, 6]
    tested = tried(api, "map", {"items": "{{ input.items }}", "body": body}, input={"items": list(range(101)), "by": 2})
    assert (tested["status"], tested["error"]["code"]) == ("failed", "too_many_items")


def test_an_item_and_its_index_can_be_pinned(api: ApiClient, database: Database) -> None:
    tested = tried(api, "transform", {"assign": {"v": "item.n + index", "t": "trigger.type"}}, item={"n": 5}, index=2, trigger={"type": "api"})
    assert tested["output"] == {"v": 7, "t": "api"}


def test_a_call_is_made_once_and_for_real(api: ApiClient, database: Database) -> None:
    paths = []

    def handle(request: Any) -> bytes:
        paths.append(request.path)
        return answer(b"busy", "503 Busy")

    with serving(handle) as server:
        tested = tried(api, "http.request", {"url": f"http://127.0.0.1:{server.port}/n/{{{{ input.n }}}}"}, input={"n": 7})
    assert (tested["status"], tested["error"]["class"], tested["output"]["status"]) == ("failed", "http.503", 503)
    assert paths == ["/n/7"]  # not tried again


def test_an_address_that_is_blocked(api: ApiClient, database: Database) -> None:
    tested = tried(api, "http.request", {"url": "http://169.254.169.254/"})
    assert (tested["status"], tested["error"]["code"]) == ("failed", "egress_denied")


def test_a_bound_credential_is_lent_for_its_own_workflow_only(api: ApiClient, database: Database) -> None:
    own, other = (published(database, definition({"id": "t", "type": "transform"})).workflow_id for _ in range(2))
    made = api.post("/credentials", {"name": "Bound", "type": "bearer", "data": {"token": "the-token"}, "workflows": [own]})
    assert made.status == 201, made.body
    with serving(lambda request: answer(request.headers.get("authorization", "").encode())) as server:
        config = {"url": server.url(), "auth": {"credential": "bound"}}
        assert tried(api, "http.request", config, execution={"workflow_id": own})["status"] == "succeeded"
        for named in ({"workflow_id": other}, {"workflow_id": "wf_made_up"}, {"workflow_id": f"{own} "}, {"workflow_id": [own]}, {}):
            assert tried(api, "http.request", config, execution=named)["error"]["code"] == "credential_not_allowed"
        assert len(server.requests) == 1


def test_what_is_wrong_with_a_config_names_its_field_and_the_nearest_name(api: ApiClient, database: Database) -> None:
    for node_type, config, said in (
        ("http.request", {"url": "https://a.example", "method": "FETCH"}, "method: this should be 'GET', "),
        ("http.request", {}, "url: this field is required"),
        ("http.request", {"url": "a.example"}, "url: the URL must begin with http:// or https://"),
        ("http.request", {"url": "https://a.example", "tls": {"verfy": False}}, "tls/verfy: this field is not known here; remove it or check its spelling. Did you mean 'verify'?"),
        ("email.send", {"credential": "m", "subjct": "x"}, "subjct: this field is not known here; remove it or check its spelling. Did you mean 'subject'?"),
        ("email.send", {"credential": "m", "template": {"lines": [1]}}, "template/lines/0: this should be text"),
        ("delay", {"seconds": "soon"}, "seconds: this should be a number"),
        ("transform", {"assign": {"a": "1", "b": "input.nam"}}, "assign/b: no field 'nam' in input; it has: name. Did you mean 'name'?"),
        ("http.request", {"url": "https://a.example/{{ input.nam }}"}, "url: no field 'nam' in input"),
        ("transform", {"assign": {"a": "1 +"}}, "assign/a: the expression ends too early"),
        ("switch", {"cases": [{"name": "one", "expression": "input.name > 1"}]}, "cases/0/expression: > cannot be applied to (string, int)"),
    ):
        error = tried(api, node_type, config, input={"name": "Ann"})["error"]
        assert error["message"].startswith(said), error


def test_a_workflow_is_started(api: ApiClient, database: Database, worker: None) -> None:
    child = published(database, definition({"id": "t", "type": "transform", "config": {"assign": {"v": "input.n"}}}))
    tested = tried(api, "workflow.run", {"workflow": child.workflow_id, "input": {"n": "{{ input.n }}"}}, input={"n": 3})
    assert tested["status"] == "waiting"
    end = time.monotonic() + 20
    while time.monotonic() < end:
        execution = api.get(f"/executions/{tested['output']['execution_id']}").json
        if execution["status"] == "succeeded":
            break
        time.sleep(0.02)
    assert execution["output"] == {"t": {"v": 3}}
    assert tried(api, "workflow.run", {"workflow": "nowhere"})["error"]["code"] == "workflow_not_found"


def test_every_type_of_the_registry_can_be_tried(api: ApiClient, database: Database) -> None:
    """With its own example; whatever comes of it, it is an answer."""
    for node_type in catalogue().types():
        tested = tried(api, node_type, dict(catalogue().get(node_type).example))  # type: ignore[union-attr]
        assert tested["status"] in ("succeeded", "failed", "waiting"), (node_type, tested)
        assert tested["error"] is None or tested["error"]["code"] != "internal_error", (node_type, tested)


def test_an_unknown_type_is_not_found(api: ApiClient, database: Database) -> None:
    assert api.post("/registry/actions/no.such/test", {"config": {}}).status == 404
    assert api.post("/registry/actions/transform/test", {"config": 1}).status == 422


def test_a_workflow_goes_with_its_executions_only_when_asked(api: ApiClient, database: Database, worker: None) -> None:
    workflow = published(database, definition({"id": "pause", "type": "delay", "config": {"seconds": 600}}))
    ids = [started(database, workflow) for _ in range(3)]
    refused = api.delete(f"/workflows/{workflow.workflow_id}")
    assert (refused.status, refused.code) == (409, "workflow_has_live_executions")
    assert api.delete(f"/workflows/{workflow.workflow_id}?cancel=perhaps").status == 422
    assert api.delete(f"/workflows/{workflow.workflow_id}?cancel=true").status == 204
    assert api.get(f"/workflows/{workflow.workflow_id}").status == 404
    assert [api.get(f"/executions/{execution_id}").json["status"] for execution_id in ids] == ["cancelled"] * 3

"""/executions: started by hand, read, followed, cancelled, woken."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from tests.support.api import ECHO, ApiClient
from tests.support.workflows import Database

SLEEPER: dict[str, Any] = {
    "schema": "millrace/1",
    "nodes": [
        {"id": "nap", "type": "delay", "config": {"seconds": 3600}},
        {"id": "end", "type": "stop", "config": {"output": "woken"}},
    ],
    "edges": [{"from": "nap", "to": "end"}],
}


def wait_for(api: ApiClient, execution_id: str, *statuses: str) -> dict[str, Any]:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        execution = api.get(f"/executions/{execution_id}").json
        if execution["status"] in statuses:
            return execution
        time.sleep(0.05)
    raise AssertionError(f"{execution_id} is {execution['status']}, not {statuses}")


def test_start_runs_the_live_version(api: ApiClient, worker: None) -> None:
    made = api.published()
    started = api.post(f"/workflows/{made['id']}/executions", {"input": {"n": 2**53 + 1, "s": "\x00\ud800"}})
    assert started.status == 202
    assert started.headers["location"] == f"/api/executions/{started.json['id']}"
    assert started.headers["millrace-execution-id"] == started.json["id"]
    assert started.json["ui_url"].endswith(started.json["id"])
    done = wait_for(api, started.json["id"], "succeeded", "failed")
    assert (done["status"], done["version"], done["trigger"]["type"]) == ("succeeded", 1, "manual")
    assert done["input"] == {"n": 2**53 + 1, "s": "\x00\ud800"}
    node = done["nodes"][0]
    assert (node["node_id"], node["status"], node["attempt"]) == ("same", "succeeded", 1)
    assert "console" not in node


def test_versions_drafts_and_what_cannot_run(api: ApiClient) -> None:
    draft = api.workflow()
    path = f"/workflows/{draft['id']}/executions"
    refused = api.post(path, {})
    assert (refused.status, refused.code) == (409, "workflow_not_published")
    run = api.post(path, {"version": "draft"})
    assert run.status == 202
    assert api.get(f"/executions/{run.json['id']}").json["version"] == "draft"
    api.post(f"/workflows/{draft['id']}/publish")
    assert api.get(f"/executions/{api.post(path, {'version': 1}).json['id']}").json["version"] == 1
    assert api.get(f"/executions/{api.post(path).json['id']}").json["version"] == 1
    assert api.post(path, {"version": 2}).status == 404
    for wrong in (0, -1, "live", 1.5, True, "1", 2**70, None):
        assert api.post(path, {"version": wrong}).status in ((202,) if wrong is None else (404, 422))
    api.patch(
        f"/workflows/{draft['id']}",
        {"definition": {**ECHO, "nodes": [{"id": "x", "type": "no.such"}], "output": None}},
        If_Match="*",
    )
    invalid = api.post(path, {"version": "draft"})
    assert (invalid.status, invalid.json["errors"][0]["path"]) == (422, "/definition/nodes/0/type")
    api.patch(f"/workflows/{draft['id']}", {"enabled": False})
    assert api.post(path).code == "workflow_disabled"


def test_a_draft_run_is_pinned_to_the_draft_of_that_moment(api: ApiClient, database: Database) -> None:
    draft = api.workflow()
    path = f"/workflows/{draft['id']}"
    first, second = (api.post(f"{path}/executions", {"version": "draft"}).json["id"] for _ in range(2))
    api.patch(path, {"definition": {**ECHO, "output": 1}}, If_Match="*")
    assert api.get(f"/executions/{first}/definition").json == {"definition": ECHO}
    third = api.post(f"{path}/executions", {"version": "draft"}).json["id"]
    pinned = {row["id"]: row["definition_id"] for row in database.execute("SELECT id, definition_id FROM executions")}
    assert pinned[first] == pinned[second] != pinned[third]


def test_the_draft_runs_up_to_a_node_with_what_is_pinned(api: ApiClient, worker: None) -> None:
    pinned = {"id": "paid", "type": "http.request", "config": {"url": "http://192.0.2.1/"}, "ui": {"pinned": {"output": {"n": 20}}}}
    one, two = (
        {"id": name, "type": "transform", "config": {"assign": {"v": source}}}
        for name, source in (("one", "nodes.paid.output.n + 1"), ("two", "1 / 0"))
    )
    edges = [{"from": "paid", "to": "one"}, {"from": "one", "to": "two"}]
    made = api.workflow({"schema": "millrace/1", "nodes": [pinned, one, two], "edges": edges, "output": "{{ nodes.two.output }}"})
    path = f"/workflows/{made['id']}/executions"
    done = wait_for(api, api.post(path, {"version": "draft", "until": "one"}).json["id"], "succeeded", "failed")
    assert (done["status"], done["version"]) == ("succeeded", "draft")
    assert [(run["node_id"], run["output"]) for run in done["nodes"]] == [("paid", {"n": 20}), ("one", {"v": 21})]
    assert api.post(path, {"version": "draft", "until": "gone"}).json["errors"][0]["path"] == "/until"
    assert api.post(path, {"until": "one"}).json["errors"][0]["code"] == "needs_draft"


def test_a_key_makes_two_requests_one(api: ApiClient, database: Database) -> None:
    made = api.published()
    path = f"/workflows/{made['id']}/executions"
    first = api.post(path, {"input": {"a": 1, "b": 2}, "idempotency_key": "k"})
    again = api.post(path, {"input": {"b": 2, "a": 1}, "idempotency_key": "k"})
    assert (again.status, again.json) == (202, {**first.json, "duplicate": True})
    assert api.post(path, {"input": {"a": 1}, "idempotency_key": "k"}).code == "idempotency_key_reused"
    assert api.post(f"/workflows/{api.published()['id']}/executions", {"idempotency_key": "k"}).json["duplicate"] is False
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 2


def test_the_input_schema_applies(api: ApiClient) -> None:
    made = api.published({**ECHO, "input_schema": {"type": "object", "required": ["id"]}})
    wrong = api.post(f"/workflows/{made['id']}/executions", {"input": {}})
    assert (wrong.status, wrong.json["errors"][0]["path"]) == (422, "/input")
    assert api.post(f"/workflows/{made['id']}/executions", {"input": {"id": 1}}).status == 202


def test_lists_page_and_filter(api: ApiClient, database: Database) -> None:
    one, two = api.published(), api.published()
    door = api.door(two["id"])
    ids = [api.post(f"/workflows/{one['id']}/executions", {"input": {"order": f"A-{n}"}}).json["id"] for n in range(3)]
    by_trigger = api.as_key(None).request("POST", f"/trigger/{door['config']['path']}").json["execution_id"]
    database.execute(
        'UPDATE executions SET status = \'failed\', error = \'{"code":"x","message":"boom"}\', finished_at = now() WHERE id = %(id)s',
        {"id": ids[0]},
    )
    database.execute("UPDATE executions SET parent_id = %(parent)s WHERE id = %(id)s", {"parent": ids[0], "id": ids[2]})

    def found(query: str) -> list[str]:
        answer = api.get(f"/executions{query}")
        assert answer.status == 200, answer.body
        return [item["id"] for item in answer.json["items"]]

    everything = [by_trigger, *reversed(ids)]
    assert found("") == everything
    assert found(f"?workflow_id={one['id']}") == everything[1:]
    assert found(f"?trigger_id={door['id']}") == [by_trigger]
    assert found(f"?parent_id={ids[0]}") == [ids[2]]
    assert found("?status=failed") == [ids[0]]
    assert found("?status=queued") == everything[:3]
    assert found("?q=a-1") == [ids[1]]
    assert found("?q=BOOM") == [ids[0]]
    assert found(f"?q={ids[2]}") == [ids[2]]
    assert found("?from=2020-01-01T00:00:00Z&to=2199-01-01T00:00:00%2B02:00") == everything
    assert found("?from=2020-01-01T00:00:00+01:00&to=2020-02-01T00:00:00Z") == []
    page = api.get("/executions?limit=3").json
    assert [item["id"] for item in page["items"]] == everything[:3]
    assert found(f"?limit=3&cursor={page['next_cursor']}") == everything[3:]
    assert "input" not in page["items"][0]
    for query in (
        "status=done",
        "from=yesterday",
        "to=2020-01-01",
        "from=9999-99-99T00:00:00Z",
        "from=0001-01-01T00:00:00Z",
        "to=9999-12-31T23:59:59Z",
    ):
        assert api.get(f"/executions?{query}").code == "validation_failed"


def test_events_are_numbered_and_read_on(api: ApiClient, worker: None) -> None:
    execution_id = api.post(f"/workflows/{api.published()['id']}/executions").json["id"]
    wait_for(api, execution_id, "succeeded")
    events = api.get(f"/executions/{execution_id}/events").json["items"]
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    assert [event["type"] for event in events][0] == "execution.created"
    assert events[-1]["type"] == "execution.succeeded"
    assert api.get(f"/executions/{execution_id}/events?after={seqs[1]}").json["items"] == events[2:]
    assert api.get(f"/executions/{execution_id}/events?after={seqs[-1]}").json["items"] == []
    assert api.get(f"/executions/{execution_id}/events?after=x").status == 422


def test_events_stream_until_the_end(api: ApiClient, worker: None) -> None:
    execution_id = api.post(f"/workflows/{api.published()['id']}/executions").json["id"]
    streamed = api.get(f"/executions/{execution_id}/events", Accept="text/event-stream")
    assert streamed.headers["content-type"].startswith("text/event-stream")
    blocks = [block for block in streamed.body.decode().split("\n\n") if block.startswith("id:")]
    events = [json.loads(block.split("data: ")[1]) for block in blocks]
    assert events == api.get(f"/executions/{execution_id}/events").json["items"]
    resumed = api.get(f"/executions/{execution_id}/events", Accept="text/event-stream", Last_Event_ID=str(events[-2]["seq"]))
    assert resumed.body.decode().count("\nevent: ") == 1
    assert api.get(f"/executions/{new_id('exe')}/events", Accept="text/event-stream").status == 404


def test_cancel_ends_a_sleeping_execution_once(api: ApiClient, worker: None) -> None:
    execution_id = api.post(f"/workflows/{api.published(SLEEPER)['id']}/executions").json["id"]
    wait_for(api, execution_id, "waiting")
    assert api.post(f"/executions/{execution_id}/cancel").status == 202
    done = wait_for(api, execution_id, "cancelled")
    assert done["nodes"][0]["status"] == "cancelled"
    again = api.post(f"/executions/{execution_id}/cancel")
    assert (again.status, again.code) == (409, "already_finished")
    assert api.post(f"/executions/{new_id('exe')}/cancel").status == 404


def test_wake_ends_a_delay_now(api: ApiClient, worker: None) -> None:
    execution_id = api.post(f"/workflows/{api.published(SLEEPER)['id']}/executions").json["id"]
    sleeping = wait_for(api, execution_id, "waiting")
    assert sleeping["wake_at"] is not None
    path = f"/executions/{execution_id}/nodes"
    assert api.post(f"{path}/end/wake").code == "node_not_waiting"
    assert api.post(f"{path}/other/wake").code == "not_found"
    assert api.post(f"{path}/nap/wake").status == 202
    done = wait_for(api, execution_id, "succeeded")
    assert done["output"] == "woken"
    assert api.post(f"{path}/nap/wake").code == "node_not_waiting"


@pytest.mark.parametrize(
    "id", ["nothing", "exe_", "wf_" + "0" * 26, "exe_" + "0" * 26, "exe_" + "0" * 25 + "\n", "x" * 10_000, "a\x00b", "é"]
)
def test_ids_that_name_nothing(api: ApiClient, id: str) -> None:
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/nodes/a/wake")):
        answer = api.request(method, f"/executions/{id}{path}")
        assert (answer.status, answer.code) == (404, "not_found")


def test_what_a_function_prints_stands_in_history_but_not_beside_sensitive_values(api: ApiClient, worker: None) -> None:
    source = "function main(input) { console.warn('token', input.token); return input }"
    code = {"id": "code", "type": "function", "config": {"language": "javascript", "source": source, "input": {"token": "t-123"}}}
    open_run = api.published(definition={"schema": "millrace/1", "nodes": [code]})
    hidden_run = api.published(definition={"schema": "millrace/1", "nodes": [{**code, "sensitive": ["/input/token", "/token"]}]})
    shown = []
    for made in (open_run, hidden_run):
        started = api.post(f"/workflows/{made['id']}/executions", {})
        shown.append(wait_for(api, started.json["id"], "succeeded", "failed")["nodes"][0])
    assert shown[0]["console"] == [{"level": "warning", "text": "token t-123"}]
    assert "t-123" not in json.dumps({name: shown[1][name] for name in ("console", "input", "output")})

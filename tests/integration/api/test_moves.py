"""Executions that wait go on with another version, over HTTP and on a real engine."""

from __future__ import annotations

import time
from typing import Any

from tests.integration.api.test_answers import state
from tests.support.api import ApiClient
from tests.support.workflows import Database, definition

ASK = {"id": "ask", "type": "wait.callback", "config": {}}


def body(text: str, *more: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A transform, a wait, and then what says which version it is."""
    first = {"id": "first", "type": "transform", "config": {"assign": {"version": "execution.version"}}}
    said = {"id": "said", "type": "transform", "config": {"assign": {"text": f"'{text}'", "version": "execution.version"}}}
    return definition(first, ASK, said, *more, edges=[("first", "ask"), ("ask", "said")], **rest)


def versions(api: ApiClient, *bodies: dict[str, Any]) -> str:
    """A workflow with these versions; the last is live."""
    made = api.published(bodies[0])
    for each in bodies[1:]:
        tag = api.get(f"/workflows/{made['id']}").headers["etag"]
        assert api.patch(f"/workflows/{made['id']}", {"definition": each}, If_Match=tag).status == 200
        assert api.post(f"/workflows/{made['id']}/publish").status == 201
    return str(made["id"])


def begun(api: ApiClient, workflow_id: str, version: int | str = 1, status: str = "waiting", **fields: Any) -> str:
    answer = api.post(f"/workflows/{workflow_id}/executions", {"input": {}, "version": version, **fields})
    assert answer.status == 202, answer.body
    state(api, answer.json["id"], status)
    return str(answer.json["id"])


def move(api: ApiClient, workflow_id: str, version: int = 2, **fields: Any) -> dict[str, Any]:
    answer = api.post(f"/workflows/{workflow_id}/versions/{version}/move", fields)
    assert answer.status == 200, answer.body
    return answer.json


def answered(api: ApiClient, execution_id: str) -> dict[str, Any]:
    from chalicelib.engine.links import token_of

    assert api.post(f"/callbacks/{token_of(execution_id, 'ask')}", {"yes": 1}).status == 200
    return state(api, execution_id, "succeeded")


def test_what_waits_goes_on_with_the_other_version(api: ApiClient, worker: None) -> None:
    workflow_id = versions(api, body("old"), body("new", {"id": "extra", "type": "transform", "config": {}}))
    execution_id = begun(api, workflow_id)
    dry = move(api, workflow_id, dry_run=True)
    assert (dry["counts"]["movable"], dry["items"][0]["outcome"], dry["items"][0]["from_version"]) == (1, "movable", 1)
    assert api.get(f"/executions/{execution_id}").json["version"] == 1

    assert move(api, workflow_id)["items"] == [{"execution_id": execution_id, "from_version": 1, "outcome": "moved", "reasons": []}]
    ended = answered(api, execution_id)
    assert ended["version"] == 2
    assert {run["node_id"]: run["output"] for run in ended["nodes"]} == {
        "first": {"version": 1},  # what has ended keeps what it gave
        "ask": {"yes": 1},
        "extra": {},  # began when it was taken up
        "said": {"text": "new", "version": 2},
    }
    assert [(each["from"], each["to"], each["by"]) for each in ended["moves"]] == [(1, 2, "bootstrap")]
    assert move(api, workflow_id)["items"] == []


def test_back_and_forth(api: ApiClient, worker: None) -> None:
    workflow_id = versions(api, body("old"), body("new"))
    execution_id = begun(api, workflow_id)
    for version in (2, 1, 2, 1):
        deadline = time.monotonic() + 20
        while move(api, workflow_id, version)["counts"]["moved"] == 0:  # the engine may have it in hand after the move before
            assert time.monotonic() < deadline
        state(api, execution_id, "waiting")
    ended = answered(api, execution_id)
    assert (ended["version"], ended["output"]) == (1, {"said": {"text": "old", "version": 1}})
    assert [each["to"] for each in ended["moves"]] == [2, 1, 2, 1]


def test_what_cannot_move_is_told_why_and_left_as_it_was(api: ApiClient, worker: None) -> None:
    changed = body("new")
    changed["nodes"][1] = {**ASK, "config": {"timeout_seconds": 60}}
    workflow_id = versions(api, body("old"), changed)
    execution_id = begun(api, workflow_id)
    (item,) = move(api, workflow_id)["items"]
    assert (item["outcome"], [(reason["code"], reason["node_id"]) for reason in item["reasons"]]) == ("blocked", [("node_changed", "ask")])
    assert answered(api, execution_id)["output"] == {"said": {"text": "old", "version": 1}}


def test_one_that_has_not_begun_and_a_draft_run_move_too(api: ApiClient, database: Database) -> None:
    """No worker is there, so both stay queued."""
    workflow_id = versions(api, body("old"), body("new"))
    ids = [begun(api, workflow_id, version, "queued") for version in (1, "draft")]
    answer = move(api, workflow_id)
    assert [(item["execution_id"], item["from_version"], item["outcome"]) for item in answer["items"]] == [(ids[0], 1, "moved"), (ids[1], "draft", "moved")]
    assert [row["version"] for row in database.execute("SELECT version FROM executions ORDER BY id")] == [2, 2]
    assert api.get(f"/executions/{ids[1]}").json["moves"][0]["from"] == "draft"


def test_one_that_a_worker_holds_is_left_alone(api: ApiClient, database: Database) -> None:
    workflow_id = versions(api, body("old"), body("new"))
    begun(api, workflow_id, 1, "queued")
    database.execute("UPDATE wakes SET worker = 'wrk_1', lease_epoch = 1, started_at = now(), wake_at = now() + interval '30 seconds'")
    before = database.one("SELECT * FROM wakes")
    assert [item["outcome"] for item in move(api, workflow_id)["items"]] == ["held"]
    assert database.one("SELECT * FROM wakes") == before
    assert database.one("SELECT version FROM executions")["version"] == 1


def test_filters_and_pages(api: ApiClient, database: Database) -> None:
    workflow_id = versions(api, body("old"), body("new"), body("newest"))
    ids = [begun(api, workflow_id, version, "queued") for version in (1, 1, 2)]
    other = versions(api, body("other"))
    begun(api, other, 1, "queued")

    def outcomes(**fields: Any) -> list[str]:
        return [item["execution_id"] for item in move(api, workflow_id, 3, dry_run=True, **fields)["items"]]

    assert outcomes() == ids
    assert outcomes(filter={"version": 2}) == ids[2:]
    assert outcomes(filter={"execution_ids": [ids[1], "exe_none"]}) == [ids[1]]
    assert outcomes(filter={"node_id": "ask"}) == []
    assert outcomes(filter={"from": "2100-01-01T00:00:00Z"}) == []
    first = move(api, workflow_id, 3, dry_run=True, limit=2)
    second = move(api, workflow_id, 3, dry_run=True, limit=2, cursor=first["next_cursor"])
    assert [item["execution_id"] for page in (first, second) for item in page["items"]] == ids
    assert second["next_cursor"] is None
    assert api.post(f"/workflows/{workflow_id}/versions/3/move", {"cursor": "x"}).code == "invalid_cursor"
    assert api.post(f"/workflows/{workflow_id}/versions/9/move", {}).status == 404
    assert api.post(f"/workflows/{workflow_id}/versions/3/move", {"filter": {"nope": 1}}).status == 422
    assert api.post(f"/workflows/{workflow_id}/versions/3/move").json["counts"] == {"movable": 0, "moved": 3, "blocked": 0, "held": 0}


def test_only_editors_move(api: ApiClient) -> None:
    workflow_id = versions(api, body("old"))
    key = api.post("/api-keys", {"name": "operator", "role": "operator"}).json["key"]
    assert api.as_key(key).post(f"/workflows/{workflow_id}/versions/1/move", {}).status == 403

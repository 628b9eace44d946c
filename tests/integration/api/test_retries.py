"""Running again: what is kept, what runs, with which keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.registry import catalogue as registry
from tests.integration.api.test_answers import ended_by, state
from tests.support.api import ApiClient
from tests.support.engines import Effects
from tests.support.workflows import Database, Published, definition, published, started


@pytest.fixture
def effects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Effects]:
    """`test.effect` for the worker of this process."""
    made = Effects()
    known = made.catalogue()
    for module in ("chalicelib.engine.worker", "chalicelib.registry.catalogue"):
        monkeypatch.setattr(f"{module}.catalogue", lambda: known)
    yield made
    assert registry.catalogue() is known


def effect(node_id: str, value: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}, "retry": {"max_attempts": 1}}


def two_effects(database: Database) -> Published:
    """first -> second (fails while input.broken) -> third."""
    return published(
        database,
        definition(
            effect("first", "{{ input.n }}"),
            {"id": "guard", "type": "condition", "config": {"expression": "input.broken"}},
            {"id": "bad", "type": "fail", "config": {"message": "broken"}},
            effect("second", "{{ nodes.first.output + 1 }}"),
            edges=[("first", "guard"), ("guard", "true", "bad"), ("guard", "false", "second")],
        ),
    )


def test_what_failed_runs_again_with_its_keys_and_what_came_before_is_kept(
    api: ApiClient, database: Database, effects: Effects, worker: None
) -> None:
    execution_id = started(database, two_effects(database), {"n": 1, "broken": True})
    assert state(api, execution_id, "failed")["error"]["node_id"] == "bad"
    answer = api.request("POST", f"/executions/{execution_id}/retry")
    assert (answer.status, answer.json["retry_of"]) == (202, execution_id)
    again = state(api, answer.json["id"], "failed")
    assert (again["retry_of"], ended_by(again)["first"]) == (execution_id, "succeeded")
    assert [call[0] for call in effects.calls] == ["first"]  # only `bad` ran again

    from_guard = api.request("POST", f"/executions/{execution_id}/retry", json_body={"from": "guard", "input": {"n": 1, "broken": False}})
    mended = state(api, from_guard.json["id"], "succeeded")
    assert mended["output"] == {"second": 2}
    assert [(node, key.split(".")[0]) for node, _, key, _ in effects.calls] == [("first", execution_id), ("second", mended["id"])]


@pytest.mark.parametrize("new_keys", [False, True])
def test_keys_stay_unless_new_ones_are_asked_for(
    api: ApiClient, database: Database, effects: Effects, worker: None, new_keys: bool
) -> None:
    execution_id = started(database, two_effects(database), {"n": 1, "broken": False})
    state(api, execution_id, "succeeded")
    answer = api.request("POST", f"/executions/{execution_id}/retry", json_body={"from": "first", "new_keys": new_keys})
    again = state(api, answer.json["id"], "succeeded")
    origin = again["id"] if new_keys else execution_id
    assert [key for _, _, key, _ in effects.calls[2:]] == [f"{origin}.first", f"{origin}.second"]
    third = api.request("POST", f"/executions/{again['id']}/retry", json_body={"from": "second"})
    state(api, third.json["id"], "succeeded")
    assert effects.calls[-1][2] == f"{origin}.second"


def test_what_cannot_be_retried_says_why(api: ApiClient, database: Database) -> None:
    execution_id = started(database, two_effects(database), {"n": 1, "broken": False})
    assert api.request("POST", f"/executions/{execution_id}/retry").code == "not_finished"
    database.execute("UPDATE executions SET status = 'succeeded', finished_at = now()")
    unknown = api.request("POST", f"/executions/{execution_id}/retry", json_body={"from": "nobody"})
    assert (unknown.status, unknown.json["errors"][0]["path"]) == (422, "/from")
    assert api.request("POST", "/executions/exe_00000000000000000000000000/retry").status == 404


def test_bulk_counts_first_and_then_does_it(api: ApiClient, database: Database, worker: None) -> None:
    workflow = published(database, definition({"id": "d", "type": "delay", "config": {"seconds": 3600}}))
    other = published(database, definition({"id": "d", "type": "delay", "config": {"seconds": 3600}}))
    ids = [started(database, workflow) for _ in range(3)]
    spared = started(database, other)
    request: dict[str, Any] = {"action": "cancel", "filter": {"workflow_id": workflow.workflow_id}}
    counted = api.request("POST", "/executions/bulk", json_body={**request, "dry_run": True})
    assert counted.json == {"action": "cancel", "dry_run": True, "matched": 3, "done": 0, "more": False}
    assert api.request("POST", "/executions/bulk", json_body=request).json["done"] == 3
    for execution_id in ids:
        state(api, execution_id, "cancelled")
    retried = api.request("POST", "/executions/bulk", json_body={**request, "action": "retry"})
    assert (retried.json["matched"], retried.json["done"]) == (3, 3)
    assert api.request("GET", f"/executions/{spared}").json["status"] in ("queued", "running", "waiting")
    assert api.request("POST", "/executions/bulk", json_body={"action": "cancel", "filter": {}}).status == 422

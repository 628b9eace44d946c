"""POST /events and wait.event: whoever comes second sees the other."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.core import db
from chalicelib.engine import events
from chalicelib.scheduler.tick import run_tick
from tests.support.api import ApiClient
from tests.support.workflows import Database, Published, definition, published, started


def listening(database: Database, *, pause: float = 0.0, **config: Any) -> Published:
    body = definition(
        {"id": "pause", "type": "delay", "config": {"seconds": pause}},
        {"id": "hear", "type": "wait.event", "config": {"name": "paid", **config}},
        {"id": "heard", "type": "transform", "config": {"assign": {"payload": "nodes.hear.output.payload"}}},
        {"id": "late", "type": "transform"},
        edges=[("pause", "hear"), ("hear", "heard"), ("hear", "timeout", "late")],
    )
    return published(database, body)


def state(api: ApiClient, execution_id: str, *statuses: str, node: str | None = None) -> dict[str, Any]:
    """The execution, once it has one of these statuses, and that node waits."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        execution = api.get(f"/executions/{execution_id}").json
        if execution["status"] in statuses and (node is None or any(run["node_id"] == node for run in execution["nodes"])):
            return execution
        time.sleep(0.02)
    raise AssertionError(execution)


def publish(api: ApiClient, payload: Any = None, **rest: Any) -> int:
    answer = api.post("/events", {"name": "paid", "payload": payload, **rest})
    assert answer.status == 202, answer.body
    return answer.json["matched"]


def test_an_event_wakes_what_waits_for_it_and_nothing_else(api: ApiClient, database: Database, worker: None) -> None:
    workflow = listening(database, key="{{ input.order }}", match="event.payload.amount >= input.total")
    ids = [started(database, workflow, {"order": order, "total": 10}) for order in ("a", "a", "b")]
    for execution_id in ids:
        state(api, execution_id, "waiting", node="hear")
    assert publish(api, {"amount": 10}) == 0  # no key
    assert publish(api, {"amount": 5}, key="a") == 0
    assert publish(api, {"text": "no amount"}, key="a") == 0  # cannot be evaluated: no match, and no harm
    assert publish(api, {"amount": 10}, key="c") == 0
    assert publish(api, {"amount": 12}, key="a") == 2
    for execution_id in ids[:2]:
        execution = state(api, execution_id, "succeeded")
        assert execution["output"]["heard"] == {"payload": {"amount": 12}}
        (hear,) = [node for node in execution["nodes"] if node["node_id"] == "hear"]
        assert (hear["output"]["name"], hear["output"]["key"]) == ("paid", "a")
    assert state(api, ids[2], "waiting")["status"] == "waiting"
    assert publish(api, {"amount": 12}, key="a") == 0  # they wait no more
    assert database.one("SELECT count(*) AS n FROM event_waits")["n"] == 1


@pytest.mark.parametrize(("look_back", "heard"), [(60, True), (0, False)])
def test_looking_back(api: ApiClient, database: Database, worker: None, look_back: int, heard: bool) -> None:
    assert publish(api, {"n": 1}) == 0
    execution_id = started(database, listening(database, pause=0.2, look_back_seconds=look_back, timeout_seconds=1.0))
    execution = state(api, execution_id, "succeeded")
    assert ("heard" in execution["output"]) == heard
    assert ("late" in execution["output"]) == (not heard)


def test_nothing_falls_between_publishing_and_waiting(api: ApiClient, database: Database, worker: None) -> None:
    """Many executions begin to wait while the one event that they wait for is published: every one of them hears it."""
    workflow = listening(database, key="{{ input.order }}", look_back_seconds=60, timeout_seconds=15)
    orders = [str(n) for n in range(60)]
    go = threading.Barrier(2)

    def starting() -> list[str]:
        go.wait()
        return [started(database, workflow, {"order": order}) for order in orders]

    def publishing() -> None:
        go.wait()
        for order in orders:
            publish(api, {"order": order}, key=order)

    with ThreadPoolExecutor(2) as pool:
        ids = pool.submit(starting)
        pool.submit(publishing).result()
    for order, execution_id in zip(orders, ids.result(), strict=True):
        assert state(api, execution_id, "succeeded")["output"]["heard"] == {"payload": {"order": order}}


def test_the_tick_finishes_what_a_publisher_left(
    api: ApiClient, database: Database, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = started(database, listening(database))
    state(api, execution_id, "waiting", node="hear")
    with monkeypatch.context() as patch:
        patch.setattr(events, "_tell", lambda *_: 0)  # as if the process had died after its first commit
        publish(api, {"n": 5})
    monkeypatch.setattr(events, "LEFT_AFTER_SECONDS", 0)
    assert database.one("SELECT count(*) AS n FROM events WHERE matched_at IS NULL")["n"] == 1
    assert events.finish_left(db.transaction)
    assert not events.finish_left(db.transaction)
    assert database.one("SELECT count(*) AS n FROM events WHERE matched_at IS NULL")["n"] == 0
    run_tick("someone", rounds=1)  # wakes the worker
    assert state(api, execution_id, "succeeded")["output"]["heard"] == {"payload": {"n": 5}}


def test_an_event_within_a_loop_wakes_its_item(api: ApiClient, database: Database, worker: None) -> None:
    hear = {"id": "hear", "type": "wait.event", "config": {"name": "paid", "match": "event.payload.n == item"}}
    body = {"nodes": [hear], "edges": [], "output": "{{ nodes.hear.output.payload.text }}"}
    loop = {"id": "each", "type": "map", "config": {"items": "{{ [1, 2] }}", "body": body}}
    execution_id = started(database, published(database, definition(loop)))
    state(api, execution_id, "waiting", node="hear")
    assert publish(api, {"n": 2, "text": "two"}) == 1
    assert publish(api, {"n": 1, "text": "one"}) == 1
    assert state(api, execution_id, "succeeded")["output"] == {"each": ["one", "two"]}


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "key": ""}, {"name": "x", "other": 1}, {"name": 5}])
def test_malformed_events_are_refused(api: ApiClient, body: dict[str, Any]) -> None:
    answer = api.post("/events", body)
    assert (answer.status, answer.code) == (422, "validation_failed")

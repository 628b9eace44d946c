"""What the API shows of loops: their items' runs, those of hidden parts included; pages; payloads too large for one answer; waking one item."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chalicelib.engine import queries
from tests.support.api import ApiClient
from tests.support.workflows import Database, definition, published, started


def loop(*nodes: dict[str, Any], output: Any = None) -> dict[str, Any]:
    body = {"nodes": list(nodes), "edges": [], "output": output}
    return {"id": "each", "type": "map", "config": {"items": "{{ input.items }}", "body": body}}


def state(api: ApiClient, execution_id: str, *statuses: str) -> dict[str, Any]:
    """The execution, once it has one of these statuses."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        execution = api.request("GET", f"/executions/{execution_id}").json
        if execution["status"] in statuses:
            return execution
        time.sleep(0.02)
    raise AssertionError(execution)


def test_items_of_hidden_parts_show_in_the_execution_and_parts_do_not_show(api: ApiClient, database: Database, worker: None) -> None:
    work = {"id": "work", "type": "transform", "config": {"assign": {"v": "item * 2"}}, "sensitive": ["/v"]}
    execution_id = started(database, published(database, definition(loop(work, output="{{ index }}"))), {"items": list(range(150))})
    execution = state(api, execution_id, "succeeded")
    assert execution["output"] == {"each": list(range(150))}
    works = [node for node in execution["nodes"] if node["node_id"] == "work"]
    assert sorted((node["iteration"] for node in works), key=int) == [str(n) for n in range(150)]
    assert {node["output"]["v"] for node in works} == {"[redacted]"}
    assert (len(execution["nodes"]), execution["more_nodes"]) == (151, False)
    assert [item["id"] for item in api.request("GET", "/executions").json["items"]] == [execution_id]
    (part, *_) = database.execute("SELECT id FROM executions WHERE part IS NOT NULL")
    assert api.request("GET", f"/executions/{part['id']}").status == 404
    first = api.request("GET", f"/executions/{execution_id}/nodes?node_id=work&limit=100").json
    rest = api.request("GET", f"/executions/{execution_id}/nodes?node_id=work&limit=100&cursor={first['next_cursor']}").json
    assert len({node["iteration"] for node in first["items"] + rest["items"]}) == 150
    assert rest["next_cursor"] is None
    outside = api.request("GET", f"/executions/{execution_id}/nodes?inside=false").json["items"]
    assert [node["node_id"] for node in outside] == ["each"]
    assert outside[0]["output"] == list(range(150))


def test_waking_ends_the_wait_of_one_item_or_of_all(api: ApiClient, database: Database, worker: None) -> None:
    pause = {"id": "pause", "type": "delay", "config": {"seconds": 600}}
    execution_id = started(database, published(database, definition(loop(pause))), {"items": [1, 2, 3]})
    state(api, execution_id, "waiting")
    assert api.request("POST", f"/executions/{execution_id}/nodes/pause/wake?iteration=9").status == 409
    assert api.request("POST", f"/executions/{execution_id}/nodes/pause/wake?iteration=1").status == 202
    end = time.monotonic() + 20
    while time.monotonic() < end:
        nodes = api.request("GET", f"/executions/{execution_id}").json["nodes"]
        ended = [node["iteration"] for node in nodes if node["node_id"] == "pause" and node["status"] == "succeeded"]
        if ended:
            break
        time.sleep(0.02)
    assert ended == ["1"]
    assert api.request("POST", f"/executions/{execution_id}/nodes/pause/wake").status == 202
    assert state(api, execution_id, "succeeded")["output"] == {"each": [{"pause": node} for node in _untils(api, execution_id)]}
    assert api.request("POST", f"/executions/{execution_id}/nodes/elsewhere/wake").status == 404


def _untils(api: ApiClient, execution_id: str) -> list[Any]:
    nodes = api.request("GET", f"/executions/{execution_id}").json["nodes"]
    return [node["output"] for node in sorted((n for n in nodes if n["node_id"] == "pause"), key=lambda n: n["iteration"])]


def test_payloads_that_do_not_fit_an_answer_can_be_read_by_themselves(
    api: ApiClient, database: Database, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAYLOAD_BUDGET", 100_000)
    nodes = [
        {"id": "small", "type": "transform", "config": {"assign": {"v": "input.n"}}},
        {"id": "large", "type": "transform", "config": {"assign": {"v": "input.text"}}},
        {"id": "size", "type": "transform", "config": {"assign": {"n": "size(nodes.large.output.v)"}}},
    ]
    text = "x" * 400_000
    body = definition(*nodes, edges=[("small", "large"), ("large", "size")], output="{{ nodes.size.output.n }}")
    execution_id = started(database, published(database, body), {"n": 1, "text": text})
    execution = state(api, execution_id, "succeeded")
    shown = {node["node_id"]: node for node in execution["nodes"]}
    assert (execution["output"], shown["small"]["output"]) == (400_000, {"v": 1})
    assert shown["large"]["output"] is None
    assert shown["large"]["left_out"]["output_bytes"] > 400_000
    whole = api.request("GET", f"/executions/{execution_id}/nodes/large/output").json
    assert whole["output"] == {"v": text}
    assert api.request("GET", f"/executions/{execution_id}/nodes/large/output?iteration=0").status == 404


def test_each_item_has_a_link_of_its_own(api: ApiClient, database: Database, worker: None) -> None:
    link = {"id": "link", "type": "transform", "config": {"assign": {"url": "nodes.ask.callback_url"}}}
    ask = {"id": "ask", "type": "wait.callback", "config": {}}
    execution_id = started(database, published(database, definition(loop(link, ask, output="{{ nodes.ask.output.n }}"))), {"items": ["a", "b"]})
    nodes = state(api, execution_id, "waiting")["nodes"]
    paths = {node["iteration"]: node["output"]["url"].partition("/api")[2] for node in nodes if node["node_id"] == "link"}
    assert len(set(paths.values())) == 2
    for iteration, path in paths.items():
        assert api.as_key(None).post(path, {"n": int(iteration) + 10}).status == 200
        assert api.as_key(None).post(path, {"n": 0}).status == 409
    assert state(api, execution_id, "succeeded")["output"] == {"each": [10, 11]}
    assert api.post(paths["0"].replace("each:0", "each:1"), {"n": 1}).status == 404

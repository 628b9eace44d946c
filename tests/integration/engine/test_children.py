"""workflow.run: started once, waited for or not, cancelled with its parent, failing into it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.engine.signals import send_signal
from chalicelib.registry.spec import ActionError, NodeContext
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started


def run_of(slug: str, node_id: str = "call", wait: bool = True, **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "workflow.run", "config": {"workflow": slug, "input": {"n": "{{ input.n }}"}, "wait": wait}, **rest}


def effect(node_id: str, value: Any = None, **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}, **rest}


DOUBLE = definition(effect("work", "{{ input.n * 2 }}"), output={"doubled": "{{ nodes.work.output }}"})


def children(database: Database, parent: str) -> list[dict[str, Any]]:
    rows = database.execute("SELECT * FROM executions WHERE parent_id = %(id)s ORDER BY id", {"id": parent})
    return [dict(row) for row in rows]


def test_a_child_runs_and_its_output_comes_back(database: Database, engine: EngineRun, effects: Effects) -> None:
    child = published(database, DOUBLE)
    body = definition(run_of(child.workflow_id), effect("after", "{{ nodes.call.output.doubled }}"), edges=[("call", "after")])
    execution_id = started(database, published(database, body), {"n": 4})
    (row,) = engine.until_ended(execution_id)
    (made,) = children(database, execution_id)
    assert (row["status"], row["output"]) == ("succeeded", {"after": 8})
    assert (made["status"], made["depth"], json.loads(made["trigger"])["execution_id"]) == ("succeeded", 1, execution_id)
    # keys follow the path from the root, so that an execution retried as a whole repeats them
    assert [call[2] for call in effects.calls] == [f"{execution_id}.call.work", f"{execution_id}.after"]


def test_without_wait_the_parent_goes_on_at_once(database: Database, engine: EngineRun) -> None:
    child = published(database, definition({"id": "pause", "type": "delay", "config": {"seconds": 30}}))
    execution_id = started(database, published(database, definition(run_of(child.workflow_id, wait=False))), {"n": 1})
    (row,) = engine.until_ended(execution_id)
    (made,) = children(database, execution_id)
    assert row["output"] == {"call": {"execution_id": made["id"]}}
    assert (made["status"], made["parent_node"]) == ("queued", None)


@pytest.mark.parametrize(("on_error", "status"), [("fail", "failed"), ("branch", "succeeded")])
def test_a_childs_failure_comes_up(database: Database, engine: EngineRun, on_error: str, status: str) -> None:
    child = published(database, definition({"id": "no", "type": "fail", "config": {"message": "sold out"}}))
    body = definition(
        run_of(child.workflow_id, on_error=on_error), effect("rescue", "{{ nodes.call.error.message }}"), edges=[("call", "error", "rescue")]
    )
    execution_id = started(database, published(database, body), {"n": 1})
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == status
    if on_error == "fail":
        assert row["error"]["code"] == "workflow_failed"
        assert "sold out" in row["error"]["message"]
    else:
        assert "sold out" in row["output"]["rescue"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE workflows SET enabled = false WHERE id = %(id)s", "workflow_disabled"),
        ("UPDATE workflows SET live_version = NULL WHERE id = %(id)s", "workflow_not_published"),
        ("DELETE FROM workflows WHERE id = %(id)s", "workflow_not_found"),
    ],
)
def test_what_cannot_be_started_fails_the_node_and_says_why(database: Database, engine: EngineRun, change: str, code: str) -> None:
    child = published(database, DOUBLE)
    database.execute(change, {"id": child.workflow_id})
    (row,) = engine.until_ended(started(database, published(database, definition(run_of(child.workflow_id))), {"n": 1}))
    assert (row["status"], row["error"]["code"]) == ("failed", code)


def test_an_input_that_does_not_fit_fails_the_node(database: Database, engine: EngineRun) -> None:
    child = published(database, {**DOUBLE, "input_schema": {"type": "object", "properties": {"n": {"type": "string"}}}})
    execution_id = started(database, published(database, definition(run_of(child.workflow_id))), {"n": 1})
    (row,) = engine.until_ended(execution_id)
    assert row["error"]["code"] == "validation_failed"
    assert "/input/n" in row["error"]["message"]
    assert children(database, execution_id) == []


def test_cancelling_goes_down(database: Database, engine: EngineRun) -> None:
    inner = published(database, definition({"id": "pause", "type": "delay", "config": {"seconds": 600}}))
    outer = published(database, definition(run_of(inner.workflow_id)))
    execution_id = started(database, published(database, definition(run_of(outer.workflow_id))), {"n": 1})
    engine.drain(seconds=3.0)
    (child,) = children(database, execution_id)
    (grandchild,) = children(database, child["id"])
    assert send_signal(database.execute, execution_id, "cancel", "")
    rows = engine.until_ended(execution_id, child["id"], grandchild["id"])
    assert [row["status"] for row in rows] == ["cancelled", "cancelled", "cancelled"]


def test_workflows_that_run_themselves_end_at_a_depth_of_eight(database: Database, engine: EngineRun) -> None:
    body = definition(run_of("itself", on_error="branch"), effect("bottom", "{{ nodes.call.error }}"), edges=[("call", "error", "bottom")])
    workflow = published(database, body)
    database.execute("UPDATE workflows SET slug = 'itself' WHERE id = %(id)s", {"id": workflow.workflow_id})
    execution_id = started(database, workflow, {"n": 1})
    engine.until_ended(execution_id)
    depths = database.execute("SELECT depth, output FROM executions ORDER BY depth")
    assert [row["depth"] for row in depths] == list(range(9))
    assert json.loads(depths[-1]["output"])["bottom"]["code"] == "nesting_too_deep"


def test_a_child_is_started_once_however_often_its_parent_is_taken_up(database: Database, engine: EngineRun, effects: Effects) -> None:
    child = published(database, DOUBLE)

    async def slow_first(ctx: NodeContext, value: Any) -> Any:
        if ctx.node_id == "work" and ctx.attempt == 1:
            raise ActionError("http_status", "503", error_class="http.503")
        return value

    effects.behaviour = slow_first
    execution_id = started(database, published(database, definition(run_of(child.workflow_id))), {"n": 1})
    for _ in range(3):
        database.execute("UPDATE wakes SET wake_at = now() WHERE worker IS NULL")
        engine.drain(seconds=1.0)
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == "succeeded"
    assert len(children(database, execution_id)) == 1

"""undo: what succeeded is undone in reverse order when the execution fails; what follows a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.engine.signals import send_signal
from chalicelib.registry.spec import ActionError, NodeContext
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started


def effect(node_id: str, value: Any = None, **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}, **rest}


async def _pay_fails(ctx: NodeContext, value: Any) -> Any:
    if ctx.node_id == "pay" or value == "fail":
        raise ActionError("refused", "no money")
    return value


SAGA = definition(
    effect("hotel", "h1", undo="free_hotel"),
    effect("flight", "f1", undo="free_flight"),
    {"id": "note", "type": "transform", "config": {"assign": {"x": "1"}}},
    effect("pay"),
    effect("never"),
    effect("free_hotel", "{{ nodes.hotel.output + string(now()) }}"),
    effect("free_flight", "{{ nodes.flight.output }}"),
    effect("tell", "{{ nodes.free_flight.output }}"),
    edges=[("hotel", "flight"), ("flight", "note"), ("note", "pay"), ("pay", "never"), ("free_flight", "tell")],
)


def test_what_succeeded_is_undone_the_last_first(database: Database, engine: EngineRun, effects: Effects) -> None:
    effects.behaviour = _pay_fails
    execution_id = started(database, published(database, SAGA))
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], row["error"]["code"], row["error"]["node_id"]) == ("failed", "refused", "pay")
    assert [(call[0], call[3]) for call in effects.calls if call[0] != "free_hotel"] == [
        ("hotel", "h1"), ("flight", "f1"), ("pay", None), ("free_flight", "f1"), ("tell", "f1"),
    ]  # fmt: skip
    assert effects.calls[-1][0] == "free_hotel"
    assert row["error"]["undo"] == [
        {"node_id": "free_flight", "undoes": "flight", "status": "succeeded"},
        {"node_id": "free_hotel", "undoes": "hotel", "status": "succeeded"},
    ]
    assert "never" not in [node for node, _, _ in engine.history(execution_id)]


def test_undo_nodes_without_effects_run_one_after_the_other_at_once(database: Database, engine: EngineRun) -> None:
    def assign(node_id: str, value: str, **rest: Any) -> dict[str, Any]:
        return {"id": node_id, "type": "transform", "config": {"assign": {"x": value}}, **rest}

    body = definition(
        assign("hotel", "1", undo="free_hotel"), assign("flight", "2", undo="free_flight"), {"id": "pay", "type": "fail", "config": {"message": "no"}},
        assign("free_hotel", "nodes.hotel.output.x"), assign("free_flight", "nodes.flight.output.x"), assign("tell", "nodes.free_flight.output.x + 1"),
        edges=[("hotel", "flight"), ("flight", "pay"), ("free_flight", "tell")],
    )  # fmt: skip
    execution_id = started(database, published(database, body))
    (row,) = engine.until_ended(execution_id)
    assert [(each["node_id"], each["status"]) for each in row["error"]["undo"]] == [("free_flight", "succeeded"), ("free_hotel", "succeeded")]
    ran = [node for node, _, _ in engine.history(execution_id)]
    assert {"tell", "free_flight", "free_hotel"} <= set(ran)


def test_nothing_is_undone_when_all_goes_well(database: Database, engine: EngineRun, effects: Effects) -> None:
    execution_id = started(database, published(database, SAGA))
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], row["output"]) == ("succeeded", {"never": None})
    assert {call[0] for call in effects.calls} == {"hotel", "flight", "pay", "never"}


def test_an_undo_that_fails_stops_nothing(database: Database, engine: EngineRun, effects: Effects) -> None:
    async def behave(ctx: NodeContext, value: Any) -> Any:
        if ctx.node_id == "free_flight":
            raise ActionError("gone", "too late")
        return await _pay_fails(ctx, value)

    effects.behaviour = behave
    (row,) = engine.until_ended(started(database, published(database, SAGA)))
    flight, hotel = row["error"]["undo"]
    assert (flight["status"], flight["error"]["code"], hotel["status"]) == ("failed", "gone", "succeeded")
    assert row["error"]["code"] == "refused"


def test_one_node_undoes_many(database: Database, engine: EngineRun, effects: Effects) -> None:
    effects.behaviour = _pay_fails
    body = definition(
        effect("one", 1, undo="back"), effect("two", 2, undo="back"), effect("pay"), effect("back", "{{ execution.id }}"),
        edges=[("one", "two"), ("two", "pay")],
    )  # fmt: skip
    execution_id = started(database, published(database, body))
    (row,) = engine.until_ended(execution_id)
    assert [(step["undoes"], step["status"]) for step in row["error"]["undo"]] == [("two", "succeeded"), ("one", "succeeded")]
    assert [call[2] for call in effects.calls[-2:]] == [f"{execution_id}.back.undo:two", f"{execution_id}.back.undo:one"]


def test_items_of_a_loop_are_undone(database: Database, engine: EngineRun, effects: Effects) -> None:
    effects.behaviour = _pay_fails
    book, free = effect("book", "{{ item }}", undo="free"), effect("free", "{{ 'free ' + nodes.book.output + string(index) }}")
    body = definition(
        {"id": "each", "type": "map", "config": {"items": "{{ ['a', 'b', 'c'] }}", "max_parallel": 1, "body": {"nodes": [book, free]}}},
        effect("pay"),
        edges=[("each", "pay")],
    )
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert [call[3] for call in effects.calls] == ["a", "b", "c", None, "free c2", "free b1", "free a0"]
    assert [step["iteration"] for step in row["error"]["undo"]] == ["2", "1", "0"]


@pytest.mark.parametrize("reason", ["fail node", "timeout", "item"])
def test_whatever_made_it_fail(database: Database, engine: EngineRun, effects: Effects, reason: str) -> None:
    effects.behaviour = _pay_fails
    ends: dict[str, dict[str, Any]] = {
        "fail node": {"id": "end", "type": "fail", "config": {"message": "enough"}},
        "timeout": {"id": "end", "type": "delay", "config": {"seconds": 60}},
        "item": {"id": "end", "type": "map", "config": {"items": "{{ ['fail'] }}", "body": {"nodes": [effect("inner", "{{ item }}")]}}},
    }
    settings = {"timeout_seconds": 0.3} if reason == "timeout" else {}
    body = definition(effect("one", 1, undo="back"), ends[reason], effect("back", 2), edges=[("one", "end")], settings=settings)
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert [call[0] for call in effects.calls][-1] == "back"
    assert row["error"]["code"] == {"fail node": "failed", "timeout": "execution_timeout", "item": "refused"}[reason]


def test_a_cancelled_execution_undoes_nothing(database: Database, engine: EngineRun, effects: Effects) -> None:
    pause = {"id": "pause", "type": "delay", "config": {"seconds": 60}}
    body = definition(effect("one", 1, undo="back"), pause, effect("back", 2), edges=[("one", "pause")])
    execution_id = started(database, published(database, body))
    engine.drain(seconds=70.0)
    send_signal(database.execute, execution_id, "cancel", "")
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], [call[0] for call in effects.calls]) == ("cancelled", ["one"])


def test_a_failure_is_followed_by_the_workflow_for_it(database: Database, engine: EngineRun, effects: Effects) -> None:
    effects.behaviour = _pay_fails
    after = published(database, definition(effect("tell", "{{ input.execution.error.message }}")))
    body = {**SAGA, "settings": {"on_failure_workflow": after.workflow_id}}
    execution_id = started(database, published(database, body), {"n": 1})
    (row,) = engine.until_ended(execution_id)
    following = row["error"]["on_failure"]["execution_id"]
    engine.until_ended(following)
    (told,) = database.execute("SELECT * FROM executions WHERE id = %(id)s", {"id": following})
    assert (told["status"], told["parent_id"]) == ("succeeded", execution_id)
    assert json.loads(told["input"])["execution"]["input"] == {"n": 1}
    assert effects.calls[-1][3] == "no money"


def test_a_workflow_for_failures_that_cannot_run_is_named(database: Database, engine: EngineRun, effects: Effects) -> None:
    effects.behaviour = _pay_fails
    body = definition(effect("pay"), settings={"on_failure_workflow": "nowhere"})
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert "nowhere" in row["error"]["on_failure"]["problem"]

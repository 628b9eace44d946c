"""map: order, parallelism, errors, nesting, hidden parts, delays within, crashes."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest

from chalicelib.core import ids
from chalicelib.engine import open_loop
from chalicelib.engine.signals import send_signal
from chalicelib.engine.state import ExecutionState
from chalicelib.registry.spec import ActionError, NodeContext
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started


def effect(node_id: str, value: Any = None, **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}, **rest}


def loop(items: Any, *nodes: dict[str, Any], node_id: str = "each", edges: Any = (), output: Any = None, **config: Any) -> dict[str, Any]:
    inner = definition(*nodes, edges=list(edges))
    body = {"nodes": inner["nodes"], "edges": inner["edges"], **({"output": output} if output is not None else {})}
    return {"id": node_id, "type": "map", "config": {"items": items, "body": body, **config}}


def test_outputs_come_in_order_whatever_ends_first(database: Database, engine: EngineRun, effects: Effects) -> None:
    async def later_ones_first(ctx: NodeContext, value: Any) -> Any:
        await asyncio.sleep(0.002 * (8 - value))
        return value * 10

    effects.behaviour = later_ones_first
    body = definition(
        {"id": "before", "type": "transform", "config": {"assign": {"plus": "1"}}},
        loop("{{ input.items }}", effect("work", "{{ item }}"), output="{{ nodes.work.output + nodes.before.output.plus + index }}"),
        edges=[("before", "each")],
    )
    execution_id = started(database, published(database, body), {"items": list(range(8))})
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == {"each": [n * 10 + 1 + n for n in range(8)]}
    assert {call[2] for call in effects.calls} == {f"{execution_id}.work.each:{n}" for n in range(8)}


def test_at_most_max_parallel_at_a_time(database: Database, engine: EngineRun, effects: Effects) -> None:
    running, most = 0, 0

    async def count(ctx: NodeContext, value: Any) -> Any:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.01)
        running -= 1
        return value

    effects.behaviour = count
    body = definition(loop("{{ input.items }}", effect("work", "{{ item }}"), max_parallel=3))
    (row,) = engine.until_ended(started(database, published(database, body), {"items": list(range(10))}))
    assert row["output"] == {"each": [{"work": n} for n in range(10)]}
    assert most == 3


@pytest.mark.parametrize("items", [3, 130])
@pytest.mark.parametrize("mode", ["fail", "continue"])
def test_an_item_that_fails(database: Database, engine: EngineRun, effects: Effects, items: int, mode: str) -> None:
    async def one_fails(ctx: NodeContext, value: Any) -> Any:
        if ctx.node_id == "work" and value == 1:
            raise ActionError("refused", "not this one")
        return value

    effects.behaviour = one_fails
    body = definition(
        loop("{{ input.items }}", effect("work", "{{ item }}"), output="{{ nodes.work.output }}", on_item_error=mode),
        effect("after", "{{ nodes.each.error.items[0].index }}"),
        edges=[("each", "after")],
    )
    execution_id = started(database, published(database, body), {"items": list(range(items))})
    (row,) = engine.until_ended(execution_id)
    if mode == "fail":
        assert (row["status"], row["error"]["code"], row["error"]["node_id"]) == ("failed", "refused", "each")
        assert row["error"]["message"] == "item 1: not this one"
    else:
        assert row["output"] == {"after": 1}
        run = database.one("SELECT output, error FROM node_runs WHERE execution_id = %(id)s AND node_id = 'each'", id=execution_id)
        assert json.loads(run["output"]) == [n if n != 1 else None for n in range(items)]
        assert json.loads(run["error"])["code"] == "items_failed"


def test_an_error_of_the_loop_goes_where_on_error_says(database: Database, engine: EngineRun, effects: Effects) -> None:
    async def fails(ctx: NodeContext, value: Any) -> Any:
        if ctx.node_id == "work":
            raise ActionError("refused", "no")
        return value

    effects.behaviour = fails
    body = definition(
        {**loop("{{ [1, 2, 3] }}", effect("work", "{{ item }}")), "on_error": "branch"},
        effect("rescue", "{{ nodes.each.error.code }}"),
        edges=[("each", "error", "rescue")],
    )
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert (row["status"], row["output"]) == ("succeeded", {"rescue": "refused"})


def test_branches_and_delays_within_an_item(database: Database, engine: EngineRun) -> None:
    body = definition(
        loop(
            "{{ [1, 2, 3, 4] }}",
            {"id": "even", "type": "condition", "config": {"expression": "item % 2 == 0"}},
            {"id": "pause", "type": "delay", "config": {"seconds": 0.03}},
            effect("odd", "{{ 'odd ' + string(item) }}"),
            {"id": "end", "type": "transform", "config": {"assign": {"slept": "has(nodes.pause.output)"}}},
            edges=[("even", "true", "pause"), ("even", "false", "odd"), ("pause", "end"), ("odd", "end")],
            output="{{ nodes.end.output.slept }}",
            max_parallel=2,
        )
    )
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert row["output"] == {"each": [False, True, False, True]}


def test_delays_one_after_the_other_take_their_time(database: Database, engine: EngineRun) -> None:
    pause = {"id": "pause", "type": "delay", "config": {"seconds": 0.1}}
    body = definition(loop("{{ [1, 2, 3] }}", pause, max_parallel=1))
    execution_id = started(database, published(database, body))
    engine.until_ended(execution_id)
    rows = database.execute("SELECT wake_at FROM node_runs WHERE execution_id = %(id)s AND node_id = 'pause' ORDER BY iteration", {"id": execution_id})
    gaps = [(rows[n + 1]["wake_at"] - rows[n]["wake_at"]).total_seconds() for n in range(2)]
    assert gaps == [pytest.approx(0.1, abs=1e-4)] * 2  # exactly: an item begins at the logical end of the one before


def test_nothing_to_do_gives_an_empty_list(database: Database, engine: EngineRun) -> None:
    (row,) = engine.until_ended(started(database, published(database, definition(loop("{{ [] }}", effect("work"))))))
    assert row["output"] == {"each": []}


def test_what_is_no_list_is_an_error(database: Database, engine: EngineRun) -> None:
    (row,) = engine.until_ended(started(database, published(database, definition(loop("{{ 3 }}", effect("work"))))))
    assert (row["status"], row["error"]["code"]) == ("failed", "invalid_config")


def test_loops_within_loops_see_all_around_them(database: Database, engine: EngineRun) -> None:
    inner = loop(
        "{{ item.numbers }}",
        effect("add", "{{ item + nodes.base.output.n + index }}"),
        node_id="inner",
        output="{{ nodes.add.output }}",
    )
    base = {"id": "base", "type": "transform", "config": {"assign": {"n": "item.base + index"}}}
    body = definition(loop("{{ input.rows }}", base, inner, edges=[("base", "inner")], output="{{ nodes.inner.output }}"))
    rows = [{"base": 100, "numbers": [1, 2]}, {"base": 200, "numbers": [3]}]
    execution_id = started(database, published(database, body), {"rows": rows})
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == {"each": [[101, 103], [204]]}
    iterations = database.execute("SELECT iteration FROM node_runs WHERE execution_id = %(id)s AND node_id = 'add' ORDER BY 1", {"id": execution_id})
    assert [found["iteration"] for found in iterations] == ["each:0/inner:0", "each:0/inner:1", "each:1/inner:0"]


def test_eight_loops_within_each_other(database: Database, engine: EngineRun) -> None:
    body = loop("{{ [1, 2] }}", effect("work", "{{ item }}"), node_id="l8", output="{{ nodes.work.output }}")
    for depth in range(7, 0, -1):
        body = loop("{{ [1] }}", body, node_id=f"l{depth}", output=f"{{{{ nodes.l{depth + 1}.output }}}}")
    (row,) = engine.until_ended(started(database, published(database, definition(body))))
    assert row["output"] == {"l1": [[[[[[[[1, 2]]]]]]]]}


@pytest.mark.parametrize("parallel", [10, 250])
def test_many_items_run_in_hidden_executions(database: Database, engine: EngineRun, effects: Effects, parallel: int) -> None:
    body = definition(
        {"id": "before", "type": "transform", "config": {"assign": {"plus": "5"}}},
        loop(
            "{{ input.items }}",
            effect("work", "{{ item + nodes.before.output.plus + input.more }}"),
            output={"v": "{{ nodes.work.output }}", "i": "{{ index }}"},
            max_parallel=parallel,
        ),
        {"id": "count", "type": "transform", "config": {"assign": {"n": "size(nodes.each.output)"}}},
        edges=[("before", "each"), ("each", "count")],
        output="{{ nodes.each.output }}",
    )
    execution_id = started(database, published(database, body), {"items": list(range(450)), "more": 1})
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == [{"v": n + 6, "i": n} for n in range(450)]
    assert len({call[2] for call in effects.calls}) == len(effects.calls) == 450
    assert f"{execution_id}.work.each:449" in {call[2] for call in effects.calls}
    parts = database.execute("SELECT part FROM executions WHERE parent_id = %(id)s ORDER BY part", {"id": execution_id})
    assert [part["part"] for part in parts] == [0, 100, 200, 300, 400]


def test_a_loop_of_parts_within_a_loop(database: Database, engine: EngineRun) -> None:
    inner = loop("{{ nodes.list.output.l }}", effect("add", "{{ item }}"), node_id="inner", output="{{ nodes.add.output + index }}")
    make = {"id": "list", "type": "transform", "config": {"assign": {"l": "input.items.map(n, n + item)"}}}
    body = definition(loop("{{ [0, 1000] }}", make, inner, edges=[("list", "inner")], output="{{ nodes.inner.output }}"))
    (row,) = engine.until_ended(started(database, published(database, body), {"items": list(range(120))}))
    assert row["output"] == {"each": [[2 * n for n in range(120)], [2 * n + 1000 for n in range(120)]]}


def test_parts_are_found_again_though_the_clock_of_who_started_them_is_behind(
    database: Database, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = {"id": "pause", "type": "delay", "config": {"seconds": 600}}
    execution_id = started(database, published(database, definition(loop("{{ input.items }}", pause))), {"items": list(range(200))})
    real = ids.time.time_ns
    monkeypatch.setattr(ids.time, "time_ns", lambda: real() - 600 * 10**9)
    for _ in range(2):
        EngineRun(database, "none", effects).drain(seconds=3.0)  # without a cache: the second knows only the rows
        database.execute("UPDATE wakes SET wake_at = now() WHERE execution_id = %(id)s", {"id": execution_id})
    parts = database.execute("SELECT id FROM executions WHERE parent_id = %(id)s ORDER BY part", {"id": execution_id})
    assert len(parts) == 1, "max_parallel is 10: one part at a time"
    assert parts[0]["id"] > execution_id


def test_cancelling_reaches_the_parts(database: Database, engine: EngineRun) -> None:
    pause = {"id": "pause", "type": "delay", "config": {"seconds": 600}}
    execution_id = started(database, published(database, definition(loop("{{ input.items }}", pause))), {"items": list(range(200))})
    engine.drain(seconds=3.0)
    (part,) = database.execute("SELECT id FROM executions WHERE parent_id = %(id)s", {"id": execution_id})
    assert send_signal(database.execute, execution_id, "cancel", "")
    rows = engine.until_ended(execution_id, part["id"])
    assert [row["status"] for row in rows] == ["cancelled", "cancelled"]


@pytest.mark.parametrize("items", [2, 150])
@pytest.mark.parametrize(("node_type", "config", "status"), [("fail", {"message": "enough"}, "failed"), ("stop", {"output": 7}, "succeeded")])
def test_a_node_that_ends_the_execution_does_so_from_within(
    database: Database, engine: EngineRun, items: int, node_type: str, config: dict[str, Any], status: str
) -> None:
    body = definition(loop("{{ input.items }}", {"id": "end", "type": node_type, "config": config}, on_item_error="continue"))
    (row,) = engine.until_ended(started(database, published(database, body), {"items": list(range(items))}))
    assert row["status"] == status
    assert (row["error"]["message"] if status == "failed" else row["output"]) in ("enough", 7)


def test_an_execution_with_a_loop_is_taken_up_from_the_rows(
    database: Database, engine: EngineRun, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that stop after every few effects; without Redis, so that each takes up what the rows say."""
    monkeypatch.setattr(open_loop, "INLINE_ITEMS", 5)
    engine.redis_url = "none"
    pause = {"id": "pause", "type": "delay", "config": {"seconds": 0.02}}
    body = definition(
        loop(
            "{{ input.items }}",
            effect("one", "{{ item }}"),
            pause,
            effect("two", "{{ nodes.one.output + string(now()) }}"),
            edges=[("one", "pause"), ("pause", "two")],
            output="{{ nodes.one.output }}",
            max_parallel=2,
        )
    )
    execution_id = started(database, published(database, body), {"items": [str(n) for n in range(12)]})
    for _ in range(40):
        engine.drain(seconds=0.05)
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == {"each": [str(n) for n in range(12)]}
    bodies = {(key, value) for _, _, key, value in effects.calls}
    assert len(bodies) == 24  # whatever was sent twice was sent with the same key and body


def test_nothing_of_an_execution_waits_for_the_collector(database: Database, engine: EngineRun, effects: Effects) -> None:
    """A loop's parent is taken up once for each part, with all its items each time."""

    async def fails_once(ctx: NodeContext, value: Any) -> Any:
        if ctx.attempt == 1 and value == 7:
            raise ActionError("refused", "once", error_class="connection")
        return value

    effects.behaviour = fails_once
    body = definition(
        loop("{{ input.items }}", effect("work", "{{ item }}", retry={"max_attempts": 2, "initial_seconds": 0.01})),
        {"id": "pause", "type": "delay", "config": {"seconds": 0.01}},
        edges=[("each", "pause")],
    )
    workflow = published(database, body)
    gc.collect()
    gc.disable()
    try:
        (row,) = engine.until_ended(started(database, workflow, {"items": list(range(230))}))
        left = [found for found in gc.get_objects() if type(found) is ExecutionState]
    finally:
        gc.enable()
    assert row["status"] == "succeeded"
    assert left == []

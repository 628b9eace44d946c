"""The worker on real PostgreSQL and Redis: graphs, errors, retries, delays, signals."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.engine.signals import send_signal
from chalicelib.engine.worker import MAX_BUSY
from chalicelib.registry.spec import ActionError, NodeContext
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started

QUICK = {"max_attempts": 3, "initial_seconds": 0.01, "jitter": False}


def effect(node_id: str, value: Any = None, **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}, **rest}


def transform(node_id: str, **assign: str) -> dict[str, Any]:
    return {"id": node_id, "type": "transform", "config": {"assign": assign}}


def test_a_chain_passes_values_on_and_ends_with_its_output(database: Database, engine: EngineRun, effects: Effects) -> None:
    body = definition(
        transform("cents", total="input.total * 100"),
        effect("charge", "{{ nodes.cents.output.total }}"),
        {"id": "big", "type": "condition", "config": {"expression": "nodes.charge.output > 1000"}},
        transform("yes", text="'charged ' + string(nodes.charge.output)"),
        transform("no"),
        edges=[("cents", "charge"), ("charge", "big"), ("big", "true", "yes"), ("big", "false", "no")],
        output={"text": "{{ nodes.yes.output.text }}", "skipped": "{{ !has(nodes.no.output) }}"},
    )
    execution_id = started(database, published(database, body), {"total": 60.5})
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], row["output"]) == ("succeeded", {"text": "charged 6050", "skipped": True})
    assert engine.history(execution_id) == [
        ("cents", 1, "succeeded"),
        ("charge", 1, "succeeded"),
        ("big", 1, "succeeded"),
        ("yes", 1, "succeeded"),
        ("no", 0, "skipped"),
    ]
    assert effects.calls == [("charge", 1, f"{execution_id}.charge", 6050.0)]
    assert database.one("SELECT count(*) AS n FROM wakes")["n"] == 0


def test_without_output_the_end_nodes_outputs_are_the_output(database: Database, engine: EngineRun) -> None:
    body = definition(transform("a", x="1"), transform("b", x="2"), transform("c", x="3"), edges=[("a", "b"), ("a", "c")])
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert row["output"] == {"b": {"x": 2}, "c": {"x": 3}}


@pytest.mark.parametrize(("join", "status"), [("all", "succeeded"), ("any", "succeeded")])
def test_a_merge_after_a_branch_runs_once(database: Database, engine: EngineRun, effects: Effects, join: str, status: str) -> None:
    body = definition(
        {"id": "which", "type": "switch", "config": {"cases": [{"name": "left", "expression": "input.left"}]}},
        effect("one"),
        effect("two"),
        effect("merge", join=join),
        edges=[("which", "left", "one"), ("which", "default", "two"), ("one", "merge"), ("two", "merge")],
    )
    execution_id = started(database, published(database, body), {"left": True})
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == status
    assert [call[0] for call in effects.calls] == ["one", "merge"]
    assert ("two", 0, "skipped") in engine.history(execution_id)


def test_branches_run_in_parallel_and_all_waits_for_both(database: Database, engine: EngineRun, effects: Effects) -> None:
    meeting = asyncio.Barrier(2)

    async def meet(ctx: NodeContext, value: Any) -> Any:
        if ctx.node_id in ("left", "right"):
            await meeting.wait()  # hangs unless both run at once
        return value

    effects.behaviour = meet
    body = definition(
        effect("left", 1),
        effect("right", 2),
        effect("both", "{{ nodes.left.output + nodes.right.output }}"),
        edges=[("left", "both"), ("right", "both")],
    )
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert row["output"] == {"both": 3}


@pytest.mark.parametrize(
    "expression", ["1/0 == 1", "input.missing", "input.missing == 1", "'text'", "nodes", "input.n", "1 + 'a' == 2"]
)
def test_a_condition_that_fails_is_an_error_and_neither_way(
    database: Database, engine: EngineRun, effects: Effects, expression: str
) -> None:
    body = definition(
        {"id": "c", "type": "condition", "config": {"expression": expression}},
        effect("yes"),
        effect("no"),
        edges=[("c", "true", "yes"), ("c", "false", "no")],
    )
    (row,) = engine.until_ended(started(database, published(database, body), {"n": 1}))
    assert row["status"] == "failed"
    assert row["error"]["code"] == "expression_error"
    assert row["error"]["node_id"] == "c"
    assert effects.calls == []


async def _refuse(ctx: NodeContext, value: Any) -> Any:
    raise ActionError("http_status", "503", error_class="http.503")


def test_attempts_are_in_history_and_keep_their_key(database: Database, engine: EngineRun, effects: Effects) -> None:
    async def second_time(ctx: NodeContext, value: Any) -> Any:
        return await _refuse(ctx, value) if ctx.attempt < 3 else "at last"

    effects.behaviour = second_time
    execution_id = started(database, published(database, definition(effect("a", "{{ string(now()) }}", retry=QUICK))))
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == {"a": "at last"}
    assert engine.history(execution_id) == [("a", 1, "failed"), ("a", 2, "failed"), ("a", 3, "succeeded")]
    assert len({(key, value) for _, _, key, value in effects.calls}) == 1  # the same key and the same body on each attempt


@pytest.mark.parametrize(
    ("on_error", "status", "calls"),
    [("fail", "failed", ["a"]), ("branch", "succeeded", ["a", "rescue"]), ("continue", "succeeded", ["a", "next"])],
)
def test_an_error_goes_where_on_error_says(
    database: Database, engine: EngineRun, effects: Effects, on_error: str, status: str, calls: list[str]
) -> None:
    async def first_fails(ctx: NodeContext, value: Any) -> Any:
        return await _refuse(ctx, value) if ctx.node_id == "a" else value

    effects.behaviour = first_fails
    body = definition(
        effect("a", retry={"max_attempts": 1}, on_error=on_error),
        effect("next", "{{ nodes.a.output == null && nodes.a.error.code == 'http_status' }}"),
        effect("rescue", "{{ nodes.a.error.class }}"),
        edges=[("a", "next"), ("a", "error", "rescue")],
    )
    execution_id = started(database, published(database, body))
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == status
    assert [call[0] for call in effects.calls] == calls
    if on_error == "branch":
        assert row["output"] == {"rescue": "http.503"}
    if on_error == "continue":
        assert row["output"] == {"next": True}
    if on_error == "fail":
        assert row["error"] == {"code": "http_status", "message": "503", "node_id": "a", "class": "http.503"}


def test_an_effect_that_takes_too_long_is_a_timeout(database: Database, engine: EngineRun, effects: Effects) -> None:
    async def for_ever(ctx: NodeContext, value: Any) -> Any:
        await asyncio.sleep(60)

    effects.behaviour = for_ever
    (row,) = engine.until_ended(
        started(database, published(database, definition(effect("a", timeout_seconds=0.1, retry={"max_attempts": 1}))))
    )
    assert (row["error"]["code"], row["error"]["class"]) == ("timeout", "timeout")


def test_an_execution_that_takes_too_long_fails(database: Database, engine: EngineRun, effects: Effects) -> None:
    body = definition({"id": "d", "type": "delay", "config": {"seconds": 60}}, settings={"timeout_seconds": 0.2})
    (row,) = engine.until_ended(started(database, published(database, body)))
    assert row["error"]["code"] == "execution_timeout"


def test_a_delay_lets_go_of_the_execution_and_is_never_early(database: Database, engine: EngineRun) -> None:
    body = definition(
        {"id": "d", "type": "delay", "config": {"seconds": 1.5}}, transform("after", t="string(now())"), edges=[("d", "after")]
    )
    execution_id = started(database, published(database, body))
    engine.drain(0.15)
    parked = database.one("SELECT worker, wake_at - started_at AS pause FROM wakes")
    assert parked["worker"] is None
    assert parked["pause"] == timedelta(seconds=1.5)
    engine.until_ended(execution_id)
    run = database.one("SELECT finished_at >= wake_at AS late_enough, status FROM node_runs WHERE node_id = 'd'")
    assert dict(run) == {"late_enough": True, "status": "succeeded"}


@pytest.mark.parametrize(("kind", "status", "output"), [("stop", "succeeded", 7), ("fail", "failed", None)])
def test_stop_and_fail_end_the_execution_and_cancel_what_runs(
    database: Database, engine: EngineRun, effects: Effects, kind: str, status: str, output: Any
) -> None:
    async def for_ever(ctx: NodeContext, value: Any) -> Any:
        await asyncio.sleep(60)

    effects.behaviour = for_ever
    config = {"output": 7} if kind == "stop" else {"message": "order {{ input.id }} is odd"}
    body = definition(
        effect("slow"),
        {"id": "pause", "type": "delay", "config": {"seconds": 0.7}},
        {"id": "end", "type": kind, "config": config},
        edges=[("pause", "end")],
    )
    execution_id = started(database, published(database, body), {"id": 3})
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], row["output"]) == (status, output)
    assert ("slow", 1, "cancelled") in engine.history(execution_id)
    if kind == "fail":
        assert row["error"] == {"code": "failed", "message": "order 3 is odd", "node_id": "end"}


def test_a_cancel_reaches_an_execution_that_waits_and_one_that_runs(
    database: Database, engine: EngineRun, effects: Effects
) -> None:
    begun = threading.Event()

    async def for_ever(ctx: NodeContext, value: Any) -> Any:
        begun.set()
        await asyncio.sleep(60)

    effects.behaviour = for_ever
    waiting = started(database, published(database, definition({"id": "d", "type": "delay", "config": {"seconds": 3600}})))
    running = started(database, published(database, definition(effect("slow"))))

    def cancel() -> None:
        own = Database(database.url)
        begun.wait(10)
        for execution_id in (waiting, running):
            assert send_signal(own.execute, execution_id, "cancel", "cancel")
        own.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    rows = engine.until_ended(waiting, running, lease_seconds=6.0)
    thread.join()
    assert [row["status"] for row in rows] == ["cancelled", "cancelled"]
    assert engine.history(running) == [("slow", 1, "cancelled")]
    assert not send_signal(database.execute, running, "cancel", "cancel")


def test_a_delay_can_be_ended_now(database: Database, engine: EngineRun) -> None:
    execution_id = started(database, published(database, definition({"id": "d", "type": "delay", "config": {"seconds": 3600}})))
    engine.drain(0.5)
    assert send_signal(database.execute, execution_id, "wake", "d#1", {"node_id": "d", "attempt": 1})
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == "succeeded"


def test_the_work_of_a_frozen_worker_is_taken_over_and_said_so(database: Database, engine: EngineRun, effects: Effects) -> None:
    """The first worker claims and vanishes with the effect under way: what it began is in history as lost, and does not count against max_attempts."""

    async def vanish_once(ctx: NodeContext, value: Any) -> Any:
        if ctx.attempt == 1:
            await asyncio.sleep(60)
        return "done"

    effects.behaviour = vanish_once
    execution_id = started(database, published(database, definition(effect("a", retry={"max_attempts": 1}))))

    async def claim_and_vanish() -> None:
        worker = engine.worker(lease_seconds=1.0)
        await worker._claim_once()
        await asyncio.sleep(0.1)
        for _, task in list(worker._held.values()):
            task.cancel()
        await asyncio.sleep(0)
        await worker.close()

    asyncio.run(claim_and_vanish())
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == {"a": "done"}
    assert engine.history(execution_id) == [("a", 1, "failed"), ("a", 2, "succeeded")]
    assert database.one("SELECT error FROM node_runs WHERE attempt = 1")["error"].startswith('{"code":"engine.worker_lost"')
    assert len({key for _, _, key, _ in effects.calls}) == 1


def test_at_most_once_is_not_repeated_after_a_worker_was_lost(database: Database, engine: EngineRun, effects: Effects) -> None:
    async def for_ever(ctx: NodeContext, value: Any) -> Any:
        await asyncio.sleep(60)

    effects.behaviour = for_ever
    body = definition(
        effect("once", delivery="at_most_once", on_error="branch"),
        transform("unknown", code="nodes.once.error.code"),
        edges=[("once", "error", "unknown")],
    )
    execution_id = started(database, published(database, body))

    async def claim_and_vanish() -> None:
        worker = engine.worker(lease_seconds=1.0)
        await worker._claim_once()
        while not effects.calls:
            await asyncio.sleep(0.01)
        for _, task in list(worker._held.values()):
            task.cancel()
        await asyncio.sleep(0)
        await worker.close()

    asyncio.run(claim_and_vanish())
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == {"unknown": {"code": "outcome_unknown"}}
    assert len(effects.calls) == 1


def test_a_save_with_an_old_epoch_writes_nothing(database: Database, engine: EngineRun, effects: Effects) -> None:
    """Two workers believe they hold the same execution; only the one with the newer epoch is written."""
    gate = asyncio.Event()

    async def wait_for_gate(ctx: NodeContext, value: Any) -> Any:
        if len(effects.calls) == 1:
            await gate.wait()
            return "zombie"
        return "holder"

    effects.behaviour = wait_for_gate
    execution_id = started(database, published(database, definition(effect("a"))))

    async def go() -> None:
        zombie, holder = engine.worker(lease_seconds=600.0), engine.worker()
        await zombie._claim_once()
        await asyncio.sleep(0.1)
        database.execute("UPDATE wakes SET wake_at = now()")  # as if its lease had run out without its knowing
        await holder._claim_once()
        while holder.held:
            await asyncio.sleep(0.01)
        gate.set()
        while zombie.held:
            await asyncio.sleep(0.01)
        await asyncio.gather(zombie.close(), holder.close())

    asyncio.run(go())
    assert engine.execution(execution_id)["output"] == {"a": "holder"}
    assert engine.history(execution_id) == [("a", 1, "failed"), ("a", 2, "succeeded")]


def test_a_thousand_executions_cost_far_fewer_statements(database: Database, engine: EngineRun, effects: Effects) -> None:
    workflow = published(
        database, definition(transform("a", x="input.n"), effect("b", "{{ nodes.a.output.x }}"), edges=[("a", "b")])
    )
    ids = [started(database, workflow, {"n": n}) for n in range(300)]
    begun = time.perf_counter()
    rows = engine.until_ended(*ids, workers=2)
    print(f"300 executions in {time.perf_counter() - begun:.2f} s")
    assert [row["output"] for row in rows] == [{"b": n} for n in range(300)]
    assert len(effects.calls) == 300


def test_executions_that_only_wait_for_their_effects_leave_room_for_others(database: Database, engine: EngineRun, effects: Effects) -> None:
    """More of them than may want the worker at once; none ends before all have begun."""
    together = MAX_BUSY + 50
    everybody = asyncio.Event()

    async def waits_for_all(ctx: NodeContext, value: Any) -> Any:
        if len(effects.calls) == together:
            everybody.set()
        await everybody.wait()
        return value

    effects.behaviour = waits_for_all
    workflow = published(database, definition(effect("a", 1)))
    rows = engine.until_ended(*(started(database, workflow) for _ in range(together)))
    assert {row["status"] for row in rows} == {"succeeded"}
    assert len(effects.calls) == together  # each at its first attempt

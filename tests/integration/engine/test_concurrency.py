"""Concurrency keys: never more than the limit at once, nobody forgotten, the first come first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chalicelib.core import db
from chalicelib.engine import places
from chalicelib.engine.signals import send_signal
from chalicelib.registry.spec import NodeContext
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, Published, definition, published, started

WORK = {"id": "work", "type": "test.effect", "config": {"value": "{{ input.c }}"}, "timeout_seconds": 2}
PAUSE = {"id": "pause", "type": "delay", "config": {"seconds": 600}}


def limited(database: Database, *nodes: dict[str, Any], edges: Any = (), **settings: Any) -> Published:
    concurrency = {"key": "{{ input.c }}", **settings}
    return published(database, definition(*(nodes or (WORK,)), edges=list(edges), settings={"concurrency": concurrency}))


def left(database: Database) -> int:
    return database.one("SELECT (SELECT count(*) FROM concurrency_slots) + (SELECT count(*) FROM concurrency_keys) AS n")["n"]


def one_after_the_other(database: Database, engine: EngineRun, workflow: Published) -> str:
    """Started, and taken up by a worker before the next one is."""
    execution_id = started(database, workflow, {"c": "ada"})
    engine.drain(seconds=20.0)
    return execution_id


class Gauge:
    """How many ran at once, by key, and in what order they began."""

    def __init__(self) -> None:
        self.now: dict[Any, int] = {}
        self.most: dict[Any, int] = {}
        self.order: list[str] = []

    async def run(self, ctx: NodeContext, value: Any) -> Any:
        self.now[value] = self.now.get(value, 0) + 1
        self.most[value] = max(self.most.get(value, 0), self.now[value])
        self.order.append(ctx.execution_id)
        await asyncio.sleep(0.01)
        self.now[value] -= 1
        return value


@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_than_the_limit_and_nobody_forgotten(database: Database, engine: EngineRun, effects: Effects, limit: int) -> None:
    gauge = Gauge()
    effects.behaviour = gauge.run
    workflow = limited(database, limit=limit)
    ids = [started(database, workflow, {"c": customer}) for _ in range(20) for customer in ("ada", "bob")]
    rows = engine.until_ended(*ids, workers=3, seconds=60)
    assert {row["status"] for row in rows} == {"succeeded"}
    assert gauge.most["ada"] <= limit
    assert gauge.most["bob"] <= limit
    assert left(database) == 0


def test_the_first_come_first(database: Database, engine: EngineRun, effects: Effects) -> None:
    gauge = Gauge()
    effects.behaviour = gauge.run
    workflow = limited(database, {**PAUSE, "config": {"seconds": 1.5}}, WORK, edges=[("pause", "work")])
    ids = [one_after_the_other(database, engine, workflow) for _ in range(4)]
    engine.until_ended(*ids, seconds=60)
    assert gauge.order == ids


def test_who_waits_shows_as_queued_and_can_be_cancelled(database: Database, engine: EngineRun) -> None:
    workflow = limited(database, PAUSE)
    first, second, third = (one_after_the_other(database, engine, workflow) for _ in range(3))
    rows = database.execute("SELECT execution_id, wake_at, started_at FROM wakes ORDER BY 1")
    assert [row["started_at"] is None for row in rows] == [False, True, True]
    send_signal(database.execute, second, "cancel", "")
    assert engine.until_ended(second)[0]["status"] == "cancelled"
    send_signal(database.execute, first, "cancel", "")
    engine.until_ended(first)
    engine.drain(seconds=20.0)
    assert database.one("SELECT held FROM concurrency_slots WHERE execution_id = %(id)s", id=third)["held"]
    send_signal(database.execute, third, "cancel", "")
    engine.until_ended(third)
    assert left(database) == 0


@pytest.mark.parametrize(("on_limit", "status"), [("skip", "cancelled"), ("fail", "failed")])
def test_those_that_may_not_wait_end_at_once(database: Database, engine: EngineRun, on_limit: str, status: str) -> None:
    workflow = limited(database, PAUSE, on_limit=on_limit)
    first, second = (one_after_the_other(database, engine, workflow) for _ in range(2))
    (row,) = engine.until_ended(second)
    assert (row["status"], row["error"]["code"]) == (status, "concurrency_limit")
    send_signal(database.execute, first, "cancel", "")
    engine.until_ended(first)
    assert left(database) == 0


def test_the_newest_replaces_those_before(database: Database, engine: EngineRun) -> None:
    workflow = limited(database, {**PAUSE, "config": {"seconds": 3}}, on_limit="replace")
    ids = [one_after_the_other(database, engine, workflow) for _ in range(3)]
    rows = engine.until_ended(*ids)
    assert [row["status"] for row in rows] == ["cancelled", "cancelled", "succeeded"]
    assert left(database) == 0


def test_a_key_that_cannot_be_computed_fails_the_execution(database: Database, engine: EngineRun) -> None:
    (row,) = engine.until_ended(started(database, limited(database), {}))
    assert (row["status"], row["error"]["code"]) == ("failed", "expression_error")


def test_places_of_executions_that_are_gone_are_handed_on(database: Database, engine: EngineRun, settings_env: Any) -> None:
    workflow = limited(database, PAUSE)
    first, second = (one_after_the_other(database, engine, workflow) for _ in range(2))
    database.execute("DELETE FROM wakes WHERE execution_id = %(id)s", {"id": first})
    with db.transaction() as connection:
        assert places.free_left_places(connection, 10) == 1
    assert database.one("SELECT held FROM concurrency_slots")["held"]
    assert database.one("SELECT wake_at <= now() AS due FROM wakes WHERE execution_id = %(id)s", id=second)["due"]

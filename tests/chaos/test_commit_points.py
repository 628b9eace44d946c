"""Every statement of a workflow's life as the place where its worker dies or its connection breaks, before the statement and after it.

A run is repeated with the fault one statement later each time, until a run ends before the fault comes. After every fault a fresh worker must bring the
execution to the same end as an undisturbed run, with the same effects by key and body, and history must explain each effect that was made twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.ids import new_id
from chalicelib.engine.signals import leave_signal
from chalicelib.engine.worker import Worker
from chalicelib.registry.spec import ActionError, NodeContext
from tests.chaos.faults import around_statements
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, Published, definition, published, started

MODES = ("die before", "die after", "cut before", "cut after")


class Died(BaseException):
    """The worker's process is gone."""


@dataclass
class Fault:
    """What happens at the `at`-th statement that the worker sends; afterwards a dead worker sends nothing."""

    mode: str
    at: int
    sent: int = 0
    dead: bool = False

    async def around(self, send: Any) -> Any:
        """Send one statement, or not."""
        if self.dead:
            raise Died
        self.sent += 1
        if self.sent != self.at:
            return await send()
        if self.mode.endswith("after"):
            await send()
        if self.mode.startswith("die"):
            self.dead = True
            raise Died
        raise psycopg.OperationalError("the connection was cut")


def effect(node_id: str, value: Any, **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}, **rest}


def transform(node_id: str, **assign: str) -> dict[str, Any]:
    return {"id": node_id, "type": "transform", "config": {"assign": assign}}


RETRY = {"max_attempts": 3, "initial_seconds": 0.01, "jitter": False}
STAMP = "{{ string(now()) + uuid() }}"  # the same on every recomputation, or the body would differ between two sendings

def loop(items: str, *nodes: dict[str, Any], edges: Any = (), **config: Any) -> dict[str, Any]:
    inner = definition(*nodes, edges=list(edges))
    body = {"nodes": inner["nodes"], "edges": inner["edges"], "output": config.pop("output")}
    return {"id": "each", "type": "map", "config": {"items": items, "body": body, **config}}


SHAPES: dict[str, dict[str, Any]] = {
    "linear": definition(
        transform("a", n="input.n + 1"), effect("b", STAMP), effect("c", "{{ nodes.b.output + string(nodes.a.output.n) }}"),
        transform("d", done="nodes.c.output"), edges=[("a", "b"), ("b", "c"), ("c", "d")],
    ),
    "branch and join": definition(
        effect("first", 1), {"id": "way", "type": "condition", "config": {"expression": "nodes.first.output == 1"}},
        effect("left", STAMP), effect("right", 2), effect("join", "{{ has(nodes.right.output) }}"),
        edges=[("first", "way"), ("way", "true", "left"), ("way", "false", "right"), ("left", "join"), ("right", "join")],
    ),
    "parallel": definition(
        effect("one", STAMP), effect("two", 2), effect("both", "{{ nodes.one.output + string(nodes.two.output) }}"),
        edges=[("one", "both"), ("two", "both")],
    ),
    "parallel with one branch waiting": definition(
        effect("work", STAMP), {"id": "pause", "type": "delay", "config": {"seconds": 0.05}}, effect("late", STAMP), effect("end", "x"),
        edges=[("pause", "late"), ("late", "end"), ("work", "end")],
    ),
    "delay": definition(
        effect("before", 1), {"id": "pause", "type": "delay", "config": {"seconds": 0.03}}, effect("after", STAMP),
        edges=[("before", "pause"), ("pause", "after")],
    ),
    "retries": definition(
        effect("flaky", STAMP, retry=RETRY), effect("after", "{{ nodes.flaky.output }}"), edges=[("flaky", "after")],
    ),
    "retries while another branch runs": definition(
        effect("flaky", STAMP, retry=RETRY), effect("slow", 1), effect("after", "{{ nodes.flaky.output }}"), edges=[("flaky", "after"), ("slow", "after")],
    ),
    "callback": definition(
        effect("before", 1), {"id": "ask", "type": "wait.callback", "config": {}}, effect("after", "{{ nodes.ask.output.n }}"),
        edges=[("before", "ask"), ("ask", "after")],
    ),
    "error branch": definition(
        effect("bad", 1, retry={"max_attempts": 1}, on_error="branch"), effect("rescue", "{{ nodes.bad.error.code }}"), effect("never", 1),
        edges=[("bad", "error", "rescue"), ("bad", "main", "never")],
    ),
    "undo": definition(
        effect("one", STAMP, undo="undo_one"), effect("two", 2, undo="undo_two"), effect("bad", 1, retry={"max_attempts": 1}),
        effect("undo_one", STAMP), effect("undo_two", STAMP), effect("then", "{{ nodes.undo_two.output }}"),
        edges=[("one", "two"), ("two", "bad"), ("undo_two", "then")],
    ),
    "undo in a map": definition(
        {**loop("{{ [1, 2] }}", effect("book", STAMP, undo="free"), effect("free", STAMP), output="{{ item }}", max_parallel=1)},
        effect("bad", 1, retry={"max_attempts": 1}), edges=[("each", "bad")],
    ),
    "event": definition(
        effect("before", 1), {"id": "hear", "type": "wait.event", "config": {"name": "e", "match": "event.payload.n == input.n", "look_back_seconds": 99}},
        effect("after", "{{ nodes.hear.output.payload.n }}"), edges=[("before", "hear"), ("hear", "after")],
    ),
    "concurrency": definition(
        effect("one", STAMP), effect("two", "{{ nodes.one.output }}"), edges=[("one", "two")],
        settings={"concurrency": {"key": "{{ 'k' + string(input.n) }}"}},
    ),
    "respond and stop": definition(
        {"id": "reply", "type": "respond", "config": {"body": {"n": "{{ input.n }}"}}}, effect("work", STAMP),
        {"id": "end", "type": "stop", "config": {"output": "{{ nodes.work.output }}"}}, edges=[("reply", "work"), ("work", "end")],
    ),
    "race": definition(
        effect("fast", STAMP), {"id": "slow", "type": "delay", "config": {"seconds": 3600}}, effect("won", "{{ nodes.fast.output }}", join="any"),
        edges=[("fast", "won"), ("slow", "won")],
    ),
    "map": definition(
        loop("{{ [1, 2, 3] }}", effect("one", STAMP), transform("sum", n="item + index"), effect("two", "{{ nodes.one.output + string(nodes.sum.output.n) }}"),
             edges=[("one", "sum"), ("sum", "two")], output="{{ nodes.sum.output.n }}", max_parallel=2),
        effect("after", "{{ nodes.each.output }}"), edges=[("each", "after")],
    ),
    "map with delays": definition(
        loop("{{ [1, 2] }}", {"id": "pause", "type": "delay", "config": {"seconds": 0.02}}, effect("one", STAMP), edges=[("pause", "one")],
             output="{{ item }}", max_parallel=1),
        effect("after", "{{ nodes.each.output }}"), edges=[("each", "after")],
    ),
    "map in parts": definition(
        loop("{{ [1, 2, 3, 4, 5] }}", effect("one", STAMP), output="{{ item * 2 }}", max_parallel=2),
        effect("after", "{{ nodes.each.output }}"), edges=[("each", "after")],
    ),
    "sub-workflow": definition(
        effect("before", STAMP), {"id": "call", "type": "workflow.run", "config": {"workflow": "child", "input": {"n": "{{ nodes.before.output }}"}}},
        effect("after", "{{ nodes.call.output }}"), edges=[("before", "call"), ("call", "after")],
    ),
    "sub-workflow that fails": definition(
        {"id": "call", "type": "workflow.run", "config": {"workflow": "failing"}, "on_error": "branch"},
        effect("rescue", "{{ nodes.call.error.code }}"), edges=[("call", "error", "rescue")],
    ),
}  # fmt: skip

ONCE = definition(
    effect("before", 1), effect("once", STAMP, delivery="at_most_once", on_error="branch"), effect("sure", "{{ nodes.once.output }}"),
    effect("unsure", "{{ nodes.once.error.code }}"), edges=[("before", "once"), ("once", "sure"), ("once", "error", "unsure")],
)  # fmt: skip

CHILDREN = {
    "child": definition(effect("inner", "{{ input.n }}"), transform("out", done="nodes.inner.output"), edges=[("inner", "out")]),
    "failing": definition(effect("bad", 1, retry={"max_attempts": 1})),
}


async def _behave(ctx: NodeContext, value: Any) -> Any:
    """`flaky` fails at its first two attempts that were not lost, `bad` always; `slow` takes longer than two back-offs."""
    if ctx.node_id == "slow":
        await asyncio.sleep(0.1)
    if ctx.node_id == "flaky" and ctx.attempt < 3:
        raise ActionError("http_status", "503", error_class="http.503")
    if ctx.node_id == "bad":
        raise ActionError("refused", "no")
    return value


@dataclass(frozen=True)
class End:
    """How a run ended: what an outside witness can tell."""

    status: str
    output: Any
    effects: Mapping[str, int]  # key -> kinds of bodies seen (must be one each)


class Chaos:
    """Runs one shape again and again on one database."""

    def __init__(self, database: Database, redis_url: str, body: Mapping[str, Any]) -> None:
        self.database, self.redis_url = database, redis_url
        for slug, child in CHILDREN.items():
            made = published(database, child)
            database.execute("UPDATE workflows SET slug = %(slug)s WHERE id = %(id)s", {"slug": slug, "id": made.workflow_id})
        self.workflow: Published = published(database, body)
        self.limited = "concurrency" in body.get("settings", {})  # another execution with the same key runs beside it
        self.listens = any(node["type"] == "wait.event" for node in body["nodes"])
        self.answers = any(node["type"] == "wait.callback" for node in body["nodes"])

    def run(self, fault: Fault) -> End:
        """One execution with one fault, brought to its end by a fresh worker."""
        effects = self.effects = Effects()
        effects.behaviour = _behave
        engine = EngineRun(self.database, self.redis_url, effects)
        execution_id = started(self.database, self.workflow, {"n": 1})
        beside = [started(self.database, self.workflow, {"n": 1})] if self.limited else []
        if self.answers:
            leave_signal(self.database.execute, execution_id, "answer", "ask", {"node_id": "ask", "port": "main", "output": {"n": 7}})
        if self.listens:
            self.database.execute(
                "INSERT INTO events (id, workspace_id, name, payload, matched_at) VALUES (%(id)s, %(ws)s, 'e', '{\"n\": 1}', now())",
                {"id": new_id("evt"), "ws": DEFAULT_WORKSPACE},
            )
        asyncio.run(self._first(engine, fault))
        # As if the lease had run out: the database's clock cannot be turned.
        self.database.execute("UPDATE wakes SET wake_at = now() WHERE worker IS NOT NULL")
        row, *_ = engine.until_ended(execution_id, *beside)
        self._explained((execution_id, *beside), effects)
        bodies = Counter(key.partition(".")[2] for key, _ in {(key, repr(value)) for _, _, key, value in effects.calls})
        stamped = row["output"] if "stamp" not in repr(row["output"]) else None
        return End(row["status"], type(stamped).__name__, dict(bodies))

    async def _first(self, engine: EngineRun, fault: Fault) -> None:
        """The first worker, until it has died or the execution has ended."""
        worker = engine.worker(lease_seconds=0.8)  # a claim whose answer was cut off comes due again soon
        with around_statements(fault.around):
            task = asyncio.create_task(worker.run())
            while not fault.dead and engine._alive(tuple(row["execution_id"] for row in self.database.execute("SELECT execution_id FROM wakes"))):
                await asyncio.sleep(0.005)
            try:
                await _bury(worker, task) if fault.dead else await _retire(worker, task)
            except Died:  # at a claim it made while it was asked to leave
                await _bury(worker, task)

    def _explained(self, roots: tuple[str, ...], effects: Effects) -> None:
        """An effect was made at most once for each attempt in history, always with the key of its node."""
        rows = self.database.execute(
            """SELECT coalesce(e.key_origin, e.id) || '.' || n.node_id || CASE WHEN n.iteration = '' THEN '' ELSE '.' || n.iteration END AS key, n.attempt
               FROM node_runs n JOIN executions e ON e.id = n.execution_id"""
        )
        recorded = {(row["key"], row["attempt"]) for row in rows}
        made = Counter((key, attempt) for _, attempt, key, _ in effects.calls)
        assert set(made) <= recorded, (set(made) - recorded, effects.calls)
        assert set(made.values()) <= {1}, ("an attempt was made twice", made)
        assert all(key.startswith(roots) for key, _ in made)
        assert self.database.one("SELECT count(*) AS n FROM executions WHERE status = 'queued'")["n"] == 0
        assert self.database.one("SELECT (SELECT count(*) FROM wakes) + (SELECT count(*) FROM inbox) + (SELECT count(*) FROM concurrency_slots) AS n")["n"] == 0


async def _bury(worker: Worker, task: asyncio.Task[None]) -> None:
    """What a killed process leaves: nothing runs on, nothing more is sent, connections are gone."""
    tasks = [task, *(burst for _, burst in worker._held.values())]
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    others = [other for other in asyncio.all_tasks() if other is not asyncio.current_task()]
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await worker.close()


async def _retire(worker: Worker, task: asyncio.Task[None]) -> None:
    await worker.stop(grace=0.2)
    await task
    await worker.close()


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses: a claim whose answer was cut off would otherwise come due only after half a minute."""
    monkeypatch.setattr("chalicelib.engine.worker.LEASE_MARGIN_SECONDS", 0.2)
    monkeypatch.setattr("chalicelib.engine.worker.OUTAGE_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr("chalicelib.engine.open_loop.INLINE_ITEMS", 3)
    monkeypatch.setattr("chalicelib.engine.saves.PAUSES", (0.01, 0.02, 0.05))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fault_at_any_statement_changes_nothing(database: Database, redis_url: str, shape: str) -> None:
    chaos = Chaos(database, redis_url, SHAPES[shape])
    expected = chaos.run(Fault("die before", 0))
    points = 0
    for mode in MODES:
        for at in range(1, 200):
            fault = Fault(mode, at)
            outcome = chaos.run(fault)
            if fault.sent < at:
                break  # the run ended before the fault came
            points += 1
            assert outcome == expected, (mode, at)
    print(f"{shape}: {points} faults, each survived")
    assert points >= 4 * 3


def test_what_may_happen_at_most_once_does_so_at_any_fault(database: Database, redis_url: str) -> None:
    """The effect is made once or never. Where it may or may not have been made the node fails as that, and its error port is taken."""
    chaos = Chaos(database, redis_url, ONCE)
    told: Counter[str] = Counter()
    for mode in MODES:
        for at in range(1, 200):
            fault = Fault(mode, at)
            assert chaos.run(fault).status == "succeeded"
            calls = Counter(node_id for node_id, *_ in chaos.effects.calls)
            values = {node_id: value for node_id, _, _, value in chaos.effects.calls}
            assert calls["once"] <= 1, (mode, at)
            assert ("sure" in calls) != ("unsure" in calls), (mode, at)
            assert values.get("unsure", "outcome_unknown") == "outcome_unknown", (mode, at)
            assert calls["once"] == 1 or "unsure" in calls, (mode, at)
            if fault.sent < at:
                break
            told["unknown" if "unsure" in calls else "done"] += 1
    print(f"at most once: {dict(told)}")
    assert told["done"] >= 4
    assert told["unknown"] >= 1

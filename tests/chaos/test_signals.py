"""Signals from outside at every statement that a worker sends, just before it and just after: whatever was accepted takes effect.

What an outside caller was told is the oracle: an answer that was taken (200) must be the node's, one that came too late (409) must not; a cancel that was taken
ends the execution as cancelled; an event that was published is heard.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core import db
from chalicelib.core.config import settings
from chalicelib.core.errors import Conflict
from chalicelib.engine import events
from chalicelib.engine.answers import answer_node
from chalicelib.engine.links import token_of
from chalicelib.engine.signals import send_signal
from chalicelib.engine.worker import Worker, WorkerOptions
from tests.chaos.faults import Send, around_statements
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started


def effect(node_id: str, value: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}}


def waiting(node_type: str, **config: Any) -> dict[str, Any]:
    return definition(
        effect("before", 1),
        {"id": "ask", "type": node_type, "config": config},
        effect("answered", "{{ nodes.ask.output }}"),
        effect("late", "too late"),
        edges=[("before", "ask"), ("ask", "answered"), ("ask", "timeout", "late")],
    )


def answer(execution_id: str) -> str:
    """A callback; returns what its caller was told."""
    try:
        with db.transaction() as connection:
            answer_node(connection, token_of(execution_id, "ask") or "", "wait.callback", lambda _node: ("main", {"n": 7}))
        return "taken"
    except Conflict:
        return "refused"


def cancel(execution_id: str) -> str:
    with db.transaction() as connection:
        return "taken" if send_signal(db.executor(connection), execution_id, "cancel", "") else "refused"


def publish(_execution_id: str) -> str:
    events.publish(db.transaction, "ws_00000000000000000000000000", "e", None, {"n": 7})
    return "taken"


NOT_NOW = "no child that could be ended"
_FREE_CHILD = """
SELECT e.id FROM executions e JOIN wakes w ON w.execution_id = e.id WHERE e.parent_id = %(id)s AND w.worker IS NULL
"""


def end_the_child(parent_id: str) -> str:
    """Another worker ends the execution that the parent waits for, while the parent's own worker stands still."""
    with db.transaction() as connection:
        child = db.row(connection, _FREE_CHILD, {"id": parent_id})
    if child is None or answer(child["id"]) != "taken":
        return NOT_NOW
    other = Worker(WorkerOptions(settings().require_database_url(), "none", poll_seconds=0.02, claim_size=1, types=Effects().catalogue()))

    async def until_it_has_ended() -> None:
        task = asyncio.create_task(other.run())
        while (await asyncio.to_thread(status_of, child["id"])) == "queued":
            await asyncio.sleep(0.01)
        await other.stop(grace=0.2)
        await task
        await other.close()

    thread = threading.Thread(target=lambda: asyncio.run(until_it_has_ended()))
    thread.start()
    thread.join()
    return "taken"


def status_of(execution_id: str) -> str:
    with db.transaction() as connection:
        row = db.row(connection, "SELECT status FROM executions WHERE id = %(id)s", {"id": execution_id})
    return str(row["status"]) if row is not None else "gone"


def went_on_or_waits(told: str, row: Any) -> None:
    if told == "taken":
        assert (row["status"], row["output"]) == ("succeeded", {"after": {"ask": {"n": 7}}, "z": 1})
    else:
        assert row["status"] == "cancelled"


def answered_or_late(told: str, row: Any) -> None:
    expected = {"answered": {"n": 7}} if told == "taken" else {"late": "too late"}
    assert row["status"] == "succeeded"
    assert row["output"] == expected, told


def cancelled_or_not(told: str, row: Any) -> None:
    assert row["status"] == ("cancelled" if told == "taken" else "succeeded"), told


def heard(told: str, row: Any) -> None:
    assert row["status"] == "succeeded"
    assert row["output"]["answered"]["payload"] == {"n": 7}


LINE = definition(effect("a", 1), effect("b", "{{ nodes.a.output }}"), effect("c", 3), edges=[("a", "b"), ("b", "c")])
CHILD = definition({"id": "ask", "type": "wait.callback", "config": {}})
PARENT = definition(
    effect("before", 1), {"id": "call", "type": "workflow.run", "config": {"workflow": "asks"}}, effect("after", "{{ nodes.call.output }}"),
    effect("x", 1), effect("y", "{{ nodes.x.output }}"), effect("z", "{{ nodes.y.output }}"),
    edges=[("before", "call"), ("call", "after"), ("before", "x"), ("x", "y"), ("y", "z")],
)  # fmt: skip
CASES: dict[str, tuple[dict[str, Any], Callable[[str], str], Callable[[str, Any], None]]] = {
    "an answer, while it may wait for ever": (waiting("wait.callback"), answer, answered_or_late),
    "an answer against the end of the wait": (waiting("wait.callback", timeout_seconds=0.03), answer, answered_or_late),
    "a cancel against the end": (LINE, cancel, cancelled_or_not),
    "a child's end": (PARENT, end_the_child, went_on_or_waits),
    "an event, looking back": (waiting("wait.event", name="e", look_back_seconds=60), publish, heard),
}


class Interference:
    """Sends the signal at the `at`-th statement."""

    def __init__(self, at: int, after: bool, act: Callable[[], str]) -> None:
        self.at, self.after, self.act = at, after, act
        self.sent = 0
        self.told: str | None = None
        self.broke: Exception | None = None

    async def around(self, send: Send) -> Any:
        self.sent += 1
        if self.sent != self.at:
            return await send()
        if not self.after:
            self._act()
            return await send()
        result = await send()
        self._act()
        return result

    def _act(self) -> None:
        """The worker in whose statement this happens would take an exception for its own."""
        try:
            self.told = self.act()
        except Exception as error:
            self.broke = error


@pytest.mark.parametrize("case", CASES)
def test_what_was_accepted_takes_effect(database: Database, redis_url: str, settings_env: Any, case: str) -> None:
    body, act, check = CASES[case]
    workflow = published(database, body)
    child = published(database, CHILD)
    database.execute("UPDATE workflows SET slug = 'asks' WHERE id = %(id)s", {"id": child.workflow_id})
    told: list[str] = []
    for after in (False, True):
        for at in range(1, 60):
            database.execute("DELETE FROM events")
            execution_id = started(database, workflow)
            interference = Interference(at, after, lambda own_id=execution_id: act(own_id))  # type: ignore[misc]
            engine = EngineRun(database, redis_url, Effects())
            with around_statements(interference.around):
                row = _run(engine, execution_id, interference)
            if interference.broke is not None:
                raise interference.broke
            if interference.told is None:
                break
            check(interference.told, row)
            told.append(interference.told)
    print(f"{case}: {len(told)} places, {json.dumps({word: told.count(word) for word in sorted(set(told))})}")
    assert len(told) >= 8


def _run(engine: EngineRun, execution_id: str, interference: Interference) -> Any:
    """To the end; what waits for a signal that was not sent by then gets it now, which ends the enumeration."""
    engine.drain(seconds=70.0)
    if interference.told in (None, NOT_NOW):
        interference.at = -1
        cancel(execution_id)
    (row,) = engine.until_ended(execution_id)
    return row

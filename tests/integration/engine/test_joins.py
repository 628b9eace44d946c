"""Joins that do not wait for all, and what becomes of the branches that lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chalicelib.registry.spec import ActionError, NodeContext
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started


def effect(node_id: str, value: Any = None, **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test.effect", "config": {"value": value}, **rest}


def pause(node_id: str, seconds: float) -> dict[str, Any]:
    return {"id": node_id, "type": "delay", "config": {"seconds": seconds}}


def statuses(database: Database, execution_id: str) -> dict[str, str]:
    rows = database.execute("SELECT node_id, status FROM node_runs WHERE execution_id = %(id)s ORDER BY attempt", {"id": execution_id})
    return {row["node_id"]: row["status"] for row in rows}


def test_the_loser_of_a_race_is_cancelled_whether_it_waits_or_runs(database: Database, engine: EngineRun, effects: Effects) -> None:
    """`slow` is an effect in full run when the join goes on, `asleep` a delay of an hour: neither holds up the end, and both end as cancelled."""
    cut_off: list[str] = []

    async def behave(ctx: NodeContext, value: Any) -> Any:
        if ctx.node_id == "slow":
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cut_off.append(ctx.node_id)
                raise
        return value

    effects.behaviour = behave
    body = definition(
        pause("short", 0.05), effect("fast", 1), effect("slow", 2), pause("asleep", 3600), effect("never", 3), effect("won", "{{ nodes.fast.output }}", join="any"),
        edges=[("short", "fast"), ("fast", "won"), ("slow", "won"), ("asleep", "never"), ("never", "won")],
    )  # fmt: skip
    execution_id = started(database, published(database, body))
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], row["output"]) == ("succeeded", {"won": 1})
    found = statuses(database, execution_id)
    assert (found["slow"], found["asleep"], found["won"]) == ("cancelled", "cancelled", "succeeded")
    assert found["never"] == "skipped"
    assert cut_off == ["slow"]
    assert [call[0] for call in effects.calls].count("won") == 1


def test_what_leads_elsewhere_too_is_no_loser(database: Database, engine: EngineRun, effects: Effects) -> None:
    body = definition(
        effect("fast", 1), pause("later", 0.1), effect("won", join="any"), effect("also", "{{ nodes.later.output.until }}"),
        edges=[("fast", "won"), ("later", "won"), ("later", "also")],
    )  # fmt: skip
    execution_id = started(database, published(database, body))
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == "succeeded"
    assert statuses(database, execution_id)["also"] == "succeeded"


@pytest.mark.parametrize(
    ("failing", "join", "ends"),
    [(0, 2, "succeeded"), (1, 2, "succeeded"), (2, 2, "skipped"), (2, 1, "succeeded"), (3, 1, "skipped")],
)
def test_a_quorum_goes_on_with_enough_and_is_skipped_without(
    database: Database, engine: EngineRun, effects: Effects, failing: int, join: int, ends: str
) -> None:
    async def behave(ctx: NodeContext, value: Any) -> Any:
        if ctx.node_id in [f"v{n}" for n in range(failing)]:
            raise ActionError("refused", "no")
        return value

    effects.behaviour = behave
    votes = [effect(f"v{n}", n, on_error="branch") for n in range(3)]
    body = definition(
        *votes, effect("decided", join={"quorum": join}), effect("sorry", join="any"),
        edges=[*((f"v{n}", "decided") for n in range(3)), *((f"v{n}", "error", "sorry") for n in range(3))],
    )  # fmt: skip
    execution_id = started(database, published(database, body))
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == "succeeded"
    assert statuses(database, execution_id)["decided"] == ends
    assert [call[0] for call in effects.calls].count("decided") == (ends == "succeeded")


def test_dead_paths_are_skipped_to_their_end_and_hold_up_no_join(database: Database, engine: EngineRun, effects: Effects) -> None:
    body = definition(
        {"id": "way", "type": "condition", "config": {"expression": "false"}}, effect("a"), effect("b"), effect("c"), effect("other"), effect("merge"),
        edges=[("way", "true", "a"), ("a", "b"), ("b", "c"), ("c", "merge"), ("way", "false", "other"), ("other", "merge")],
    )  # fmt: skip
    execution_id = started(database, published(database, body))
    engine.until_ended(execution_id)
    found = statuses(database, execution_id)
    assert [found[node_id] for node_id in ("a", "b", "c", "other", "merge")] == ["skipped", "skipped", "skipped", "succeeded", "succeeded"]

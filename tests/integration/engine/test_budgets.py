"""Limits that no execution passes: node runs and bytes of outputs. (Depth is in test_children.py, time in test_worker.py.)"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started


def loop(items: int, **rest: Any) -> dict[str, Any]:
    body = {"nodes": [{"id": "double", "type": "transform", "config": {"assign": {"n": "item * 2"}}}], "edges": []}
    return {"id": "each", "type": "map", "config": {"items": list(range(items)), "body": body}, **rest}


@pytest.mark.parametrize("items", [60, 250])  # in the execution itself, and in hidden ones
def test_an_execution_has_only_so_many_node_runs(database: Database, engine: EngineRun, monkeypatch: pytest.MonkeyPatch, items: int) -> None:
    """With a limit in the middle: neither an endless chain of loops nor an error that nobody takes keeps it going."""
    monkeypatch.setattr("chalicelib.engine.burst.MAX_NODE_RUNS", items // 2)
    after = {"id": "after", "type": "test.effect", "config": {}}
    execution_id = started(database, published(database, definition(loop(items), after, edges=[("each", "after")])))
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], row["error"]["code"]) == ("failed", "budget_exceeded")
    assert f"at most {items // 2} node runs" in row["error"]["message"]
    assert ("after", 1, "succeeded") not in engine.history(execution_id)


def test_just_within_the_limit_is_within(database: Database, engine: EngineRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.engine.burst.MAX_NODE_RUNS", 32)
    (row,) = engine.until_ended(started(database, published(database, definition(loop(30)))))
    assert row["status"] == "succeeded"


def test_the_outputs_of_an_execution_have_only_so_many_bytes(
    database: Database, engine: EngineRun, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written before the limit stays; nothing is cut."""
    monkeypatch.setattr("chalicelib.engine.burst.MAX_OUTPUT_BYTES", 50_000)
    nodes = [{"id": f"n{n}", "type": "test.effect", "config": {"value": "x" * 20_000}} for n in range(4)]
    execution_id = started(database, published(database, definition(*nodes, edges=[(f"n{n}", f"n{n + 1}") for n in range(3)])))
    (row,) = engine.until_ended(execution_id)
    assert (row["status"], row["error"]["code"]) == ("failed", "budget_exceeded")
    assert engine.history(execution_id) == [("n0", 1, "succeeded"), ("n1", 1, "succeeded"), ("n2", 1, "succeeded"), ("n3", 1, "cancelled")]
    assert [call[0] for call in effects.calls] == ["n0", "n1", "n2"]
    assert engine.outputs(execution_id)["n2"] == "x" * 20_000

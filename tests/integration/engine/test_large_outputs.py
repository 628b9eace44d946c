"""Outputs over 256 KB: kept whole, apart from the row, and read only when an expression needs them."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from chalicelib.engine.state import LARGE_BYTES
from tests.chaos.faults import around_statements
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started


@pytest.fixture
def large() -> str:
    """More than the bound, and nothing that can be compressed."""
    return secrets.token_hex(LARGE_BYTES)


def chain(reading: Any) -> dict[str, Any]:
    """A large output, a wait (so that the execution is taken up again), and a node whose value is `reading`."""
    return definition(
        {"id": "big", "type": "test.effect", "config": {"value": "make it"}},
        {"id": "pause", "type": "delay", "config": {"seconds": 0.05}},
        {"id": "after", "type": "test.effect", "config": {"value": reading}},
        edges=[("big", "pause"), ("pause", "after")],
        output="done",
    )


@pytest.mark.parametrize(("reading", "reads"), [("nothing", 0), ("{{ size(nodes.big.output) }}", 1), ("{{ has(nodes.big.output) }}", 0)])
@pytest.mark.parametrize("cache", [True, False])
def test_it_is_read_once_and_only_where_an_expression_needs_it(
    database: Database, redis_url: str, effects: Effects, large: str, reading: str, reads: int, cache: bool
) -> None:
    async def behave(_ctx: Any, value: Any) -> Any:
        return large if value == "make it" else value

    effects.behaviour = behave
    seen: list[int] = []

    async def watch(send: Any) -> Any:
        rows = await send()
        seen.extend(len(row["output"] or "") for row in rows if isinstance(row, dict) and "output" in row)
        return rows

    engine = EngineRun(database, redis_url if cache else "none", effects)
    execution_id = started(database, published(database, chain(reading)))
    with around_statements(watch):
        (row,) = engine.until_ended(execution_id)
    assert row["status"] == "succeeded"
    assert engine.outputs(execution_id)["big"] == large
    assert sum(length > LARGE_BYTES for length in seen) == reads
    if reads:
        assert engine.outputs(execution_id)["after"] == len(large)


def test_postgresql_keeps_it_apart_from_the_row(database: Database, effects: Effects, redis_url: str, large: str) -> None:
    """The row itself is small: reading its other columns does not touch the output's pages."""

    async def behave(_ctx: Any, value: Any) -> Any:
        return large if value == "make it" else value

    effects.behaviour = behave
    execution_id = started(database, published(database, chain("nothing")))
    EngineRun(database, redis_url, effects).until_ended(execution_id)
    database.execute("VACUUM node_runs")
    sizes = database.one(
        """SELECT sum(pg_relation_size(c.oid)) AS rows, sum(pg_relation_size(c.reltoastrelid)) AS apart
           FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'node_runs'::regclass"""
    )
    assert sizes["apart"] >= 2 * LARGE_BYTES > sizes["rows"]

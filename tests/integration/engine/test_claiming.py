"""Claims on real PostgreSQL: oldest first, or by turns between workflows; never the same row twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.engine import statements
from chalicelib.engine.database import AsyncConnection
from chalicelib.engine.repository import Claim, EngineRepository
from chalicelib.engine.starts import StartRow, start_executions
from tests.support.engines import EngineRun
from tests.support.workflows import Database, Published, definition, published, started

ONE_NODE = definition({"id": "a", "type": "transform"})


def queued(database: Database, workflow: Published, count: int) -> None:
    """So many executions of a workflow, due now."""
    wish = StartRow(DEFAULT_WORKSPACE, workflow.workflow_id, {}, {"type": "manual"})
    assert {found.verdict for found in start_executions(database.execute, [wish] * count)} == {"started"}


def with_workers(database: Database, count: int, steps: Callable[[Sequence[EngineRepository]], Awaitable[None]]) -> None:
    """Run steps over so many workers' repositories."""

    async def go() -> None:
        connections = [AsyncConnection(database.url, prepare=True) for _ in range(count)]
        try:
            await steps([EngineRepository(connection, f"worker{n}") for n, connection in enumerate(connections)])
        finally:
            await asyncio.gather(*(connection.close() for connection in connections))

    asyncio.run(go())


def shares(database: Database, claims: Sequence[Claim]) -> Counter[str]:
    """How many of the claimed executions each workflow has."""
    ids = [claim.execution_id for claim in claims]
    rows = database.execute("SELECT workflow_id FROM executions WHERE id = ANY(%(ids)s)", {"ids": ids})
    return Counter(row["workflow_id"] for row in rows)


def test_in_order_the_oldest_come_first_whatever_they_are_of(database: Database) -> None:
    crowd, other = published(database, ONE_NODE), published(database, ONE_NODE)
    queued(database, crowd, 50)
    started(database, other)

    async def steps(workers: Sequence[EngineRepository]) -> None:
        assert shares(database, await workers[0].claim(20)) == {crowd.workflow_id: 20}

    with_workers(database, 1, steps)


def test_fairly_each_workflow_gets_an_equal_share_and_what_others_leave(database: Database) -> None:
    crowd, second, third = (published(database, ONE_NODE) for _ in range(3))
    for workflow, count in ((crowd, 80), (second, 40), (third, 2)):
        queued(database, workflow, count)

    async def steps(workers: Sequence[EngineRepository]) -> None:
        claimed = await workers[0].claim(30, fairly=True)
        assert shares(database, claimed) == {crowd.workflow_id: 14, second.workflow_id: 14, third.workflow_id: 2}
        alone = await workers[0].claim(60, fairly=True)
        assert shares(database, alone) == {crowd.workflow_id: 34, second.workflow_id: 26}

    with_workers(database, 1, steps)


def test_priorities_are_shares_and_nobody_starves(database: Database) -> None:
    low, normal, high = (published(database, ONE_NODE) for _ in range(3))
    for workflow, share in ((low, 1), (normal, 4), (high, 16)):
        database.execute("UPDATE workflows SET share = %(share)s WHERE id = %(id)s", {"share": share, "id": workflow.workflow_id})
        queued(database, workflow, 100)

    async def steps(workers: Sequence[EngineRepository]) -> None:
        claimed = await workers[0].claim(42, fairly=True)
        assert shares(database, claimed) == {low.workflow_id: 2, normal.workflow_id: 8, high.workflow_id: 32}

    with_workers(database, 1, steps)


def test_claims_by_turns_at_the_same_time_take_different_rows(database: Database) -> None:
    for _ in range(3):
        queued(database, published(database, ONE_NODE), 100)

    async def steps(workers: Sequence[EngineRepository]) -> None:
        taken: list[str] = []
        while len(taken) < 300:
            found = await asyncio.gather(*(worker.claim(20, fairly=n % 2 == 0) for n, worker in enumerate(workers)))
            assert any(found), "rows are left, and nobody holds a lock on them"
            taken += [claim.execution_id for claims in found for claim in claims]
        assert len(taken) == len(set(taken)) == 300

    with_workers(database, 4, steps)


def test_what_waits_or_is_leased_is_not_claimed_by_turns(database: Database) -> None:
    workflow = published(database, ONE_NODE)
    queued(database, workflow, 3)
    database.execute(
        "UPDATE wakes SET wake_at = now() + interval '1 hour' WHERE execution_id = (SELECT min(execution_id) FROM wakes)"
    )

    async def steps(workers: Sequence[EngineRepository]) -> None:
        assert len(await workers[0].claim(10, fairly=True)) == 2
        assert await workers[0].claim(10, fairly=True) == []

    with_workers(database, 1, steps)


@pytest.mark.parametrize("fairly", [False, True])
def test_what_was_due_before_the_floor_waits_for_a_claim_without_one(database: Database, fairly: bool) -> None:
    queued(database, published(database, ONE_NODE), 1)
    now: datetime = database.one("SELECT now() AS now")["now"]

    async def steps(workers: Sequence[EngineRepository]) -> None:
        assert await workers[0].claim(10, fairly=fairly, floor=now) == []
        assert len(await workers[0].claim(10, fairly=fairly)) == 1

    with_workers(database, 1, steps)


def test_a_worker_in_a_backlog_ends_other_workflows_executions_before_the_crowd_of_one(database: Database, engine: EngineRun) -> None:
    """The crowd came first. Without turns the other's execution would be the last to start."""
    crowd, other = published(database, ONE_NODE), published(database, ONE_NODE)
    queued(database, crowd, 400)
    last = started(database, other)
    engine.until_ended(last, claim_size=8, max_held=8)
    left = database.one("SELECT count(*) AS n FROM wakes")["n"]
    assert left > 300


def test_without_turns_it_would_be_last(database: Database, engine: EngineRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "CLAIM_FAIRLY", statements.CLAIM)
    crowd, other = published(database, ONE_NODE), published(database, ONE_NODE)
    queued(database, crowd, 100)
    engine.until_ended(started(database, other), claim_size=8, max_held=8)
    assert database.one("SELECT count(*) AS n FROM wakes")["n"] < 20


def test_claims_by_turns_are_planned_each_time_and_look_into_the_lanes(database: Database) -> None:
    """A plan for any floor and limit would read all that is due once for each lane; the server makes one of what it keeps prepared."""
    crowd, others = published(database, ONE_NODE), [published(database, ONE_NODE) for _ in range(5)]
    for _ in range(50):  # in turns, as callers come: then the index by time alone looks cheap to the server as well
        queued(database, crowd, 100)
        for other in others:
            queued(database, other, 2)
    database.execute("VACUUM ANALYZE wakes")

    async def go() -> None:
        connection = AsyncConnection(database.url, prepare=True)
        repository = EngineRepository(connection, "worker")
        read = "SELECT idx_tup_read AS n FROM pg_stat_user_indexes WHERE indexrelname = 'wakes_due'"
        for _ in range(8):  # the server thinks of a common plan from the sixth on
            assert len(await repository.claim(24, fairly=True, floor=datetime(2026, 1, 1, tzinfo=UTC))) == 24
        await connection.execute("SELECT pg_stat_force_next_flush()", {})
        before = (await connection.execute(read, {}))[0]["n"]
        for _ in range(8):
            assert len(await repository.claim(24, fairly=True, floor=datetime(2026, 1, 1, tzinfo=UTC))) == 24
        await connection.execute("SELECT pg_stat_force_next_flush()", {})
        assert (await connection.execute(read, {}))[0]["n"] - before < 1000
        await connection.close()

    asyncio.run(go())

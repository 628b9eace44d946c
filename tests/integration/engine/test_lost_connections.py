"""A database that is there and does not answer: connections that were left half-open, answers that were lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from chalicelib.engine import database as engine_database
from chalicelib.engine import places
from chalicelib.engine.database import AsyncConnection, is_transient
from chalicelib.engine.places import Place
from chalicelib.engine.wake import CHANNEL
from chalicelib.engine.worker import Worker, WorkerOptions
from infra.host import wakes
from tests.support.engines import Effects, EngineRun
from tests.support.proxy import DatabaseProxy
from tests.support.workflows import Database, definition, published, started


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def proxy(database_url: str) -> Iterator[DatabaseProxy]:
    made = DatabaseProxy(database_url)
    yield made
    made.close()


def test_a_connection_without_an_answer_is_given_up(proxy: DatabaseProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_database, "ANSWER_SECONDS", 0.3)

    async def go() -> None:
        connection = AsyncConnection(proxy.url, prepare=False)
        assert await connection.execute("SELECT 1 AS one", {}) == [{"one": 1}]
        proxy.stall()
        with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is, it must say "again"
            await connection.execute("SELECT 2 AS two", {})
        assert is_transient(raised.value), raised.value
        proxy.heal()
        assert await connection.execute("SELECT 3 AS three", {}) == [{"three": 3}]
        await connection.close()

    asyncio.run(go())


def test_a_listener_that_nobody_is_connected_to_any_more_listens_again(
    database: Database, proxy: DatabaseProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is half-open. It never sends by itself, so only asking tells; else the worker would be left with polling for good."""
    monkeypatch.setattr(engine_database, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(wakes, "ASK_SECONDS", 0.2)
    woken: list[float] = []

    async def until_woken() -> None:
        before = len(woken)
        while len(woken) == before:
            database.execute(f"NOTIFY {CHANNEL}")
            await asyncio.sleep(0.05)

    async def go() -> None:
        task = asyncio.create_task(wakes.listen(proxy.url, lambda: woken.append(time.monotonic())))
        await until_woken()
        await until_woken()
        proxy.stall()
        await asyncio.sleep(0.1)
        proxy.heal()
        await asyncio.wait_for(until_woken(), 60)  # for hanging, not for speed
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(go())


def test_a_slow_statement_is_no_lost_connection(proxy: DatabaseProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_database, "ANSWER_SECONDS", 5.0)

    async def go() -> None:
        connection = AsyncConnection(proxy.url, prepare=False)
        assert await connection.execute("SELECT pg_sleep(0.5), 1 AS one", {}) == [{"pg_sleep": "", "one": 1}]
        await connection.close()

    asyncio.run(go())


def test_a_worker_frozen_within_a_transaction_does_not_keep_its_locks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has locked a concurrency key and stands still; others want the key. When it wakes up it is told that its transaction is gone."""
    monkeypatch.setattr(engine_database, "IDLE_IN_TRANSACTION_SECONDS", 0.3)
    lock = places.locking([Place("wf_1", "k")])
    got: list[bool] = []

    class Freezing(list[Any]):
        """Two statements; between them the worker stands still until somebody else has the key."""

        def __iter__(self) -> Iterator[Any]:
            yield lock
            with psycopg.connect(database.url, autocommit=True, options="-c lock_timeout=10000") as other:
                other.execute(*lock)
                got.append(True)
            yield ("SELECT 1", {})

    async def go() -> None:
        connection = AsyncConnection(database.url, prepare=False)
        with pytest.raises(psycopg.Error) as raised:
            await connection.transaction(Freezing([lock, lock]))
        assert is_transient(raised.value), raised.value
        assert await connection.execute("SELECT 1 AS one", {}) == [{"one": 1}]
        await connection.close()

    asyncio.run(go())
    assert got == [True]


def test_work_past_its_lease_is_cut_off_though_nothing_can_be_renewed(
    database: Database, proxy: DatabaseProxy, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's connections are half-open while an effect runs: the effect must not outlive the lease, or two workers would run it at once."""
    monkeypatch.setattr("chalicelib.engine.worker.LEASE_MARGIN_SECONDS", 0.5)
    monkeypatch.setattr(engine_database, "ANSWER_SECONDS", 10.0)  # five leases
    ran: list[tuple[float, float]] = []
    effects = Effects()

    async def behave(_ctx: object, value: object) -> object:
        began = time.monotonic()
        try:
            await asyncio.sleep(30)
        finally:
            ran.append((began, time.monotonic()))
        return value

    effects.behaviour = behave
    execution_id = started(database, published(database, definition({"id": "a", "type": "test.effect", "config": {"value": 1}})))
    engine = EngineRun(Database(proxy.url), redis_url, effects)

    async def go() -> None:
        worker = engine.worker(lease_seconds=2.0)
        task = asyncio.create_task(worker.run())
        while not effects.calls:
            await asyncio.sleep(0.01)
        proxy.stall()
        while not ran:
            await asyncio.sleep(0.01)
        proxy.heal()
        await worker.stop(grace=0.1)
        await task
        await worker.close()

    asyncio.run(asyncio.wait_for(go(), 100))  # for hanging, not for speed
    assert ran[0][1] - ran[0][0] < 9, "it ran on for longer than its lease"
    effects.behaviour = None
    (row,) = EngineRun(database, redis_url, effects).until_ended(execution_id)
    assert row["status"] == "succeeded"
    history = EngineRun(database, redis_url, effects).history(execution_id)
    assert [status for _, _, status in history][:-1] == ["failed"] * (len(history) - 1)
    assert history[-1][2] == "succeeded"


def test_answers_lost_after_the_commit_change_nothing(database: Database, proxy: DatabaseProxy, redis_url: str) -> None:
    """One answer in five is thrown away after the server has committed; what a claim took comes due again when its lease ends."""
    effects = Effects()
    chain = definition(
        *({"id": f"n{n}", "type": "test.effect", "config": {"value": n}} for n in range(6)), edges=[(f"n{n}", f"n{n + 1}") for n in range(5)]
    )
    workflow = published(database, chain)
    ids = [started(database, workflow) for _ in range(12)]
    engine = EngineRun(database, redis_url, effects)

    async def go() -> None:
        few = {"claim_size": 5, "max_held": 10}  # all at once they would share so few statements that hardly any is lost
        worker = Worker(WorkerOptions(proxy.url, redis_url, types=effects.catalogue(), poll_seconds=0.05, lease_seconds=3.0, **few))
        proxy.lose(0.2)
        task = asyncio.create_task(worker.run())
        while database.one("SELECT count(*) AS n FROM wakes")["n"]:
            await asyncio.sleep(0.05)
        proxy.heal()
        await worker.stop(grace=0.2)
        await task
        await worker.close()

    asyncio.run(asyncio.wait_for(go(), 150))
    assert proxy.lost > 2
    assert {engine.execution(own)["status"] for own in ids} == {"succeeded"}
    made = [(key, attempt) for _, attempt, key, _ in effects.calls]
    recorded = {(f"{own}.{node}", attempt) for own in ids for node, attempt, _ in engine.history(own)}
    assert set(made) <= recorded, set(made) - recorded
    assert len(made) == len(set(made)), "an attempt was made twice"

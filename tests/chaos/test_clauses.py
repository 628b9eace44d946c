"""Tests of the tests: each clause that keeps work from being lost or done twice is taken out, and the check that it exists for must then fail.

Every check is a forced interleaving, not a race: the same steps pass with the clause and fail without it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.ids import new_id
from chalicelib.engine import places, statements
from chalicelib.engine.database import AsyncConnection
from chalicelib.engine.places import Place
from chalicelib.engine.repository import Claim, EngineRepository
from chalicelib.engine.saves import Finish, Flusher, LeaseLost, Links, PersistFailed, Save
from chalicelib.engine.signals import send_signal
from functions.kafka import handler as kafka_handler
from tests.chaos.test_commit_points import SHAPES, Chaos, Fault
from tests.support.kafka_triggers import inputs, kafka_trigger, msk_event, record
from tests.support.workflows import Database, definition, published, started, wish

BODY = definition({"id": "a", "type": "test.effect", "config": {}})


class Two:
    """Two workers' connections to one database."""

    def __init__(self, url: str) -> None:
        self.connections = [AsyncConnection(url, prepare=False) for _ in range(2)]
        self.repositories = [EngineRepository(connection, f"worker{n}") for n, connection in enumerate(self.connections)]
        self.flushers = [Flusher(connection, f"worker{n}", 30.0) for n, connection in enumerate(self.connections)]

    async def claim(self, n: int) -> Claim:
        (claim,) = await self.repositories[n].claim(1)
        return claim


def with_two(database: Database, steps: Callable[[Two], Awaitable[None]]) -> None:
    async def go() -> None:
        two = Two(database.url)
        try:
            await steps(two)
        finally:
            for connection in two.connections:
                await connection.close()

    asyncio.run(go())


def a_zombie_writes_nothing(database: Database, _redis_url: str) -> None:
    """A worker is frozen past its lease; another takes over; the first wakes up and saves."""
    execution_id = started(database, published(database, BODY))

    async def steps(two: Two) -> None:
        old = await two.claim(0)
        database.execute("UPDATE wakes SET wake_at = now()")
        new = await two.claim(1)
        lost = False
        try:
            await two.flushers[0].save(Save(execution_id, old.epoch, old.signals, True))
        except LeaseLost:
            lost = True
        row = database.one("SELECT lease_epoch, worker FROM wakes")
        assert (lost, row["lease_epoch"], row["worker"]) == (True, new.epoch, "worker1")

    with_two(database, steps)


def a_signal_makes_a_parked_execution_due(database: Database, _redis_url: str) -> None:
    """A signal comes while a worker holds the execution, which then parks it without having seen that."""
    execution_id = started(database, published(database, BODY))

    async def steps(two: Two) -> None:
        claim = await two.claim(0)
        send_signal(database.execute, execution_id, "wake", "a:1")
        await two.flushers[0].save(Save(execution_id, claim.epoch, claim.signals, False, next_at=None))
        assert database.one("SELECT coalesce(wake_at <= now(), false) AS due FROM wakes")["due"]

    with_two(database, steps)


def a_cancel_is_not_overtaken_by_the_end(database: Database, _redis_url: str) -> None:
    """A cancel was accepted while the worker was about to end the execution as succeeded."""
    execution_id = started(database, published(database, BODY))

    async def steps(two: Two) -> None:
        claim = await two.claim(0)
        assert send_signal(database.execute, execution_id, "cancel", "")
        save = Save(execution_id, claim.epoch, claim.signals, False, finish=Finish("succeeded"), last_seq=3, started_at=claim.started_at)
        result = await two.flushers[0].save(save)
        assert not result.landed
        assert database.one("SELECT status FROM executions")["status"] == "queued"

    with_two(database, steps)


def an_answer_is_not_overtaken_by_a_timeout(database: Database, _redis_url: str) -> None:
    """An answer was accepted while the worker was about to end the wait."""
    execution_id = started(database, published(database, BODY))

    async def steps(two: Two) -> None:
        claim = await two.claim(0)
        send_signal(database.execute, execution_id, "answer", "a")
        result = await two.flushers[0].save(Save(execution_id, claim.epoch, claim.signals, True, strict=True))
        assert not result.landed

    with_two(database, steps)


def a_lost_acknowledgement_is_no_second_save(database: Database, _redis_url: str) -> None:
    """A save that starts a child is committed, and the connection is cut before its answer: was it written or not?"""
    workflow = published(database, BODY)
    execution_id = started(database, workflow)
    child = {
        "id": new_id("exe"), "workspace_id": DEFAULT_WORKSPACE, "workflow_id": workflow.workflow_id, "definition_id": workflow.definition_id,
        "version": 1, "trigger": "{}", "input": "{}", "parent_id": execution_id, "depth": 1,
    }  # fmt: skip

    async def steps(two: Two) -> None:
        claim = await two.claim(0)
        lose_the_next_answer(two.connections[0])
        save = Save(execution_id, claim.epoch, claim.signals, True, links=Links(starts=[child]))
        try:
            result = await two.flushers[0].save(save)
        except PersistFailed as error:
            raise AssertionError(f"it was sent again: {error}") from error
        assert (result.landed, result.epoch) == (True, claim.epoch + 1)
        assert database.one("SELECT count(*) AS n FROM executions")["n"] == 2

    with_two(database, steps)


def lose_the_next_answer(connection: AsyncConnection) -> None:
    """The next statement is executed and committed, and then looks as if the connection had broken."""
    execute = connection.execute

    async def once(sql: str, params: Any) -> Any:
        connection.execute = execute  # type: ignore[method-assign]
        await execute(sql, params)
        raise psycopg.OperationalError("the connection was cut")

    connection.execute = once  # type: ignore[method-assign]


def a_zombie_renews_nothing(database: Database, _redis_url: str) -> None:
    """A worker is frozen past its lease; another takes over; the first wakes up and renews: it would hold on to what is the other's."""
    execution_id = started(database, published(database, BODY))

    async def steps(two: Two) -> None:
        old = await two.claim(0)
        database.execute("UPDATE wakes SET wake_at = now()")
        await two.claim(1)
        database.execute("UPDATE wakes SET wake_at = now()")
        assert await two.repositories[0].renew([(execution_id, old.epoch)]) == {}
        assert database.one("SELECT wake_at <= now() AS due FROM wakes")["due"]

    with_two(database, steps)


def a_signal_is_not_slept_over_in_the_queue_for_a_key(database: Database, _redis_url: str) -> None:
    """A cancel was accepted while the worker was about to let an execution wait for its concurrency key."""
    workflow = published(database, BODY)
    first, second = (started(database, workflow) for _ in range(2))
    place = {"workflow_id": workflow.workflow_id, "key": "k"}

    async def steps(two: Two) -> None:
        claims = {claim.execution_id: claim for claim in await two.repositories[0].claim(2)}
        parked = []
        for execution_id in (first, second):
            if execution_id == second:
                send_signal(database.execute, second, "cancel", "")
            claim = claims[execution_id]
            ids = {"id": execution_id, **place}
            asked = [
                places.locking([Place(**place)]),
                (places.TAKE_PLACE, {**ids, "places": 1}),
                (places.PARK, {**ids, "epoch": claim.epoch, "seen": claim.signals, "queue": True}),
            ]
            parked.append((await two.repositories[0].transaction(asked))[2])
        assert parked == [[], []], "it sleeps, and the cancel with it"

    with_two(database, steps)


def a_record_starts_one_execution(database: Database, _redis_url: str) -> None:
    """Kafka delivers a batch again, since its offset was not committed."""
    kafka_trigger(database, published(database, BODY), "orders")
    for _ in range(2):
        kafka_handler(msk_event(record({"n": 1}, 17), record({"n": 2}, 18)), None)
    assert inputs(database) == [{"n": 1}, {"n": 2}]


def a_delivery_starts_one_execution(database: Database, _redis_url: str) -> None:
    """The same key twice: a redelivered Kafka record, a repeated webhook."""
    workflow = published(database, BODY)
    verdicts = [wish(database, workflow, {}, key="orders/0/17").verdict for _ in range(2)]
    assert verdicts == ["started", "duplicate"]
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 1


def one_place_is_taken_once(database: Database, _redis_url: str) -> None:
    """Two executions ask for the only place of a key at the same moment: the second has begun to ask before the first commits."""
    workflow = published(database, BODY)
    first, second = (started(database, workflow) for _ in range(2))
    place = {"workflow_id": workflow.workflow_id, "key": "k"}
    held: dict[str, bool] = {}

    def ask(connection: psycopg.Connection[Any], execution_id: str) -> None:
        sql, params = places.locking([Place(**place)])
        connection.execute(sql, params)
        row = connection.execute(places.TAKE_PLACE, {**place, "id": execution_id, "places": 1}).fetchone()
        held[execution_id] = row[0]

    with psycopg.connect(database.url) as one, psycopg.connect(database.url) as other:
        ask(one, max(first, second))
        thread = threading.Thread(target=lambda: (ask(other, min(first, second)), other.commit()))
        thread.start()
        thread.join(0.5)  # with the lock it waits here
        one.commit()
        thread.join(10)
    assert sorted(held.values()) == [False, True]


def history_does_not_change(database: Database, redis_url: str) -> None:
    """A node run that has ended is written again."""
    Chaos(database, redis_url, SHAPES["linear"]).run(Fault("die before", 0))
    with pytest.raises(psycopg.errors.RestrictViolation):
        database.execute("UPDATE node_runs SET status = 'failed', error = '{}' WHERE node_id = 'b'")


Clause = tuple[Any, str, str, str]
CHECKS: dict[Callable[[Database, str], None], list[Clause]] = {
    a_zombie_writes_nothing: [(statements, "SAVE", "AND NOT v.final AND w.lease_epoch = v.epoch", "AND NOT v.final")],
    a_signal_makes_a_parked_execution_due: [(statements, "SAVE", "WHEN w.signals <> v.seen THEN now() ELSE", "ELSE")],
    a_cancel_is_not_overtaken_by_the_end: [(statements, "SAVE", "AND v.final AND w.lease_epoch = v.epoch AND w.signals = v.seen", "AND v.final AND w.lease_epoch = v.epoch")],
    an_answer_is_not_overtaken_by_a_timeout: [(statements, "SAVE", "AND (NOT v.strict OR w.signals = v.seen)", "")],
    a_lost_acknowledgement_is_no_second_save: [(statements, "SAVE_LINKED", "UPDATE wakes w SET lease_epoch = w.lease_epoch + 1,", "UPDATE wakes w SET")],
    a_zombie_renews_nothing: [(statements, "RENEW", "AND w.lease_epoch = v.epoch AND w.worker = %(me)s", "")],
    a_signal_is_not_slept_over_in_the_queue_for_a_key: [(places, "PARK", "AND w.signals = %(seen)s", "")],
    one_place_is_taken_once: [(places, "LOCK_KEYS", "INSERT INTO concurrency_keys (workflow_id, key) SELECT", "SELECT"),
                              (places, "LOCK_KEYS", "ON CONFLICT (workflow_id, key) DO UPDATE SET key = excluded.key", "")],
}  # fmt: skip


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the enumeration of commit points."""
    monkeypatch.setattr("chalicelib.engine.worker.LEASE_MARGIN_SECONDS", 0.2)
    monkeypatch.setattr("chalicelib.engine.worker.OUTAGE_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr("chalicelib.engine.saves.PAUSES", (0.01, 0.02, 0.05))


ALL = [*CHECKS, a_delivery_starts_one_execution, a_record_starts_one_execution, history_does_not_change]


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__)
@pytest.mark.usefixtures("settings_env")
def test_with_every_clause_it_holds(database: Database, redis_url: str, check: Callable[[Database, str], None]) -> None:
    check(database, redis_url)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_without_its_clause_it_fails(database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch, check: Callable[[Database, str], None]) -> None:
    for module, name, clause, instead in CHECKS[check]:
        sql = getattr(module, name)
        assert sql.count(clause) == 1, f"{name} has changed: {clause}"
        monkeypatch.setattr(module, name, sql.replace(clause, instead))
    with pytest.raises((AssertionError, TimeoutError)):
        check(database, redis_url)


@pytest.mark.own_database
@pytest.mark.parametrize("check", [a_delivery_starts_one_execution, a_record_starts_one_execution], ids=lambda check: check.__name__)
@pytest.mark.usefixtures("settings_env")
def test_without_the_unique_key_a_delivery_runs_twice(database: Database, redis_url: str, check: Callable[[Database, str], None]) -> None:
    database.execute("ALTER TABLE start_keys DROP CONSTRAINT start_keys_pkey")
    with pytest.raises(AssertionError):
        check(database, redis_url)


@pytest.mark.own_database
def test_without_its_trigger_history_changes(database: Database, redis_url: str) -> None:
    database.execute("DROP TRIGGER node_runs_end_once ON node_runs")
    with pytest.raises(pytest.fail.Exception):
        history_does_not_change(database, redis_url)

"""Rate limits of nodes and credentials: never more in any span than may be, first come first served, nobody forgotten, and nothing held while it waits."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from chalicelib.core.config import DEFAULT_WORKSPACE, Settings
from chalicelib.engine import forgetting, statements
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, Published, definition, published, started


def reserve(connection: psycopg.Connection[Any], *buckets: tuple[str, int, float]) -> datetime:
    wanted = json.dumps([{"key": key, "most": most, "per": per} for key, most, per in buckets])
    row = connection.execute(statements.RESERVE_TURNS, {"buckets": wanted}).fetchone()
    assert row is not None
    return row["turn"] if isinstance(row, dict) else row[0]


def most_in_any(turns: list[datetime], seconds: float) -> int:
    ordered = sorted(turns)
    span = timedelta(seconds=seconds)
    return max(sum(begin <= turn < begin + span for turn in ordered) for begin in ordered)


def test_turns_of_one_bucket(database: Database) -> None:
    turns = [reserve(database.connection, ("b", 3, 10.0)) for _ in range(11)]
    assert turns == sorted(turns)
    assert most_in_any(turns, 10.0) == 3
    assert turns[2] - turns[0] < timedelta(seconds=10)  # the first three begin at once
    assert all(later - earlier >= timedelta(seconds=10) for earlier, later in zip(turns, turns[3:], strict=False))
    assert len(database.one("SELECT turns FROM rate_buckets")["turns"]) == 3


def test_many_at_once_take_different_turns(database: Database) -> None:
    turns: list[datetime] = []

    def ask() -> None:
        with psycopg.connect(database.url, autocommit=True) as connection:
            turns.extend(reserve(connection, ("b", 2, 5.0)) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(turns) == 40
    assert most_in_any(turns, 5.0) == 2


def test_the_latest_of_several_counts_and_a_changed_limit_holds_from_then_on(database: Database) -> None:
    first = reserve(database.connection, ("wide", 5, 10.0), ("tight", 1, 100.0))
    second = reserve(database.connection, ("wide", 5, 10.0), ("tight", 1, 100.0))
    assert second - first >= timedelta(seconds=100)
    reserve(database.connection, ("wide", 1, 10.0))
    assert len(database.one("SELECT turns FROM rate_buckets WHERE key = 'wide'")["turns"]) == 1


def limited(database: Database, value: int, **fields: Any) -> Published:
    return published(database, definition({"id": "call", "type": "test.effect", "config": {"value": value, **fields.pop("config", {})}, **fields}))


def turns_of(database: Database) -> list[datetime]:
    """When each attempt's turn was, by history: those that waited say until when."""
    rows = database.execute("SELECT coalesce(wake_at, started_at) AS turn, wake_at, started_at FROM node_runs WHERE status = 'succeeded'")
    assert all(row["wake_at"] is None or row["started_at"] >= row["wake_at"] for row in rows)  # nobody before its turn
    return [row["turn"] for row in rows]


def test_a_nodes_limit_holds_over_all_its_executions(database: Database, engine: EngineRun, effects: Effects) -> None:
    workflow = limited(database, 1, rate_limit={"limit": 2, "per_seconds": 0.4})
    ids = [started(database, workflow) for _ in range(7)]
    rows = engine.until_ended(*ids, workers=2, seconds=60)
    assert {row["status"] for row in rows} == {"succeeded"}
    assert [attempt for _, attempt, _, _ in effects.calls] == [1] * 7  # waiting for a turn is no attempt
    assert len({key for _, _, key, _ in effects.calls}) == 7
    waited = [turn for turn in turns_of(database) if turn is not None]
    assert len(waited) == 7
    assert database.one("SELECT count(*) AS n FROM node_runs WHERE wake_at IS NOT NULL")["n"] >= 3


def test_nothing_is_held_while_it_waits_and_another_worker_takes_its_turn(database: Database, engine: EngineRun, effects: Effects) -> None:
    workflow = limited(database, 1, rate_limit={"limit": 1, "per_seconds": 600})
    first = started(database, workflow)
    engine.until_ended(first)
    second = started(database, workflow)
    engine.drain(seconds=70.0)
    row = database.one("SELECT w.worker, w.wake_at, n.status, n.port, n.wake_at AS turn FROM wakes w JOIN node_runs n USING (execution_id)")
    assert (row["worker"], row["status"], row["port"], row["wake_at"]) == (None, "waiting", "slot", row["turn"])
    assert len(effects.calls) == 1
    database.execute("UPDATE node_runs SET wake_at = now() WHERE status = 'waiting'")  # its turn has come
    database.execute("UPDATE wakes SET wake_at = now(), lease_epoch = lease_epoch + 1")
    (ended,) = engine.until_ended(second)
    assert (ended["status"], len(effects.calls)) == ("succeeded", 2)
    assert len(database.one("SELECT turns FROM rate_buckets")["turns"]) == 1  # it did not ask again


def test_a_credentials_limit_holds_over_all_workflows(database: Database, engine: EngineRun, effects: Effects, settings_env: Settings) -> None:
    database.execute(
        """INSERT INTO credentials (id, workspace_id, slug, name, type, public, secrets, sealed, data_key, key_id, rate_limit)
           VALUES ('cred_1', %(ws)s, 'pay', 'Pay', 'bearer', '{}', '{}', '', '', '', '{"limit": 1, "per_seconds": 600}')""",
        {"ws": DEFAULT_WORKSPACE},
    )
    by_slug, by_id, without = (limited(database, n, config=config) for n, config in enumerate(({"credential": "pay"}, {"credential": "cred_1"}, {})))
    ids = [started(database, workflow) for workflow in (by_slug, by_id, without)]
    engine.drain(seconds=70.0)
    assert len(effects.calls) == 2
    assert 2 in [value for _, _, _, value in effects.calls]
    assert database.one("SELECT count(*) AS n FROM wakes WHERE execution_id = ANY(%(ids)s)", ids=ids)["n"] == 1
    assert database.one("SELECT key FROM rate_buckets")["key"] == "cred_1"


@pytest.mark.parametrize("per", [0.001, 600.0])
def test_buckets_that_limit_nothing_any_more_are_forgotten(database: Database, settings_env: Settings, per: float) -> None:
    from chalicelib.core import db

    reserve(database.connection, ("b", 1, per))
    database.execute("SELECT pg_sleep(0.01)")
    forgetting.forget(db.transaction, 10, hourly=True)
    assert len(database.execute("SELECT 1 FROM rate_buckets")) == (1 if per > 1 else 0)

"""Facts into rollups: exactly once, whatever dies in between, and the same as a recount of history."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.analytics.folding import fold_all, recount_days
from chalicelib.analytics.histogram import slot_of
from chalicelib.analytics.projector import expire, fold_facts
from chalicelib.core import db
from chalicelib.core.clock import utc_now
from chalicelib.core.config import Settings
from chalicelib.core.ids import bound, new_id
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, Published, definition, published, started

pytestmark = pytest.mark.usefixtures("settings_env")

FLAKY = definition(
    {"id": "first", "type": "transform", "config": {"assign": {"x": "input.n"}}},
    {"id": "call", "type": "test.effect", "config": {"value": "{{ input.n }}"}, "retry": {"max_attempts": 2, "initial_seconds": 0, "on": ["timeout"]}},
    edges=[("first", "call")],
)


def rollups(database: Database, table: str) -> dict[tuple[Any, ...], Any]:
    """Everything in a rollup table; sums of durations as they come out in any order of adding."""
    rows = [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
    return {tuple(row[name] for name in row if name != "milliseconds"): pytest.approx(row["milliseconds"]) for row in rows}


def both(database: Database) -> list[dict[tuple[Any, ...], Any]]:
    """Executions and nodes."""
    return [rollups(database, "execution_rollups"), rollups(database, "node_rollups")]


def today() -> tuple[datetime, datetime]:
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return start, start + timedelta(days=3)


def recount_all() -> int:
    first, last = today()
    return recount_days(first.date(), last.date())


def some_executions(engine: EngineRun, database: Database, effects: Effects) -> tuple[Published, list[Mapping[str, Any]]]:
    """Eight executions: every fourth fails, and every third is tried twice."""
    from chalicelib.registry.spec import ActionError

    async def behave(ctx: Any, value: Any) -> Any:
        if value % 3 == 0 and ctx.attempt == 1:
            raise ActionError("timeout", "slow", error_class="timeout")
        if value % 4 == 0:
            raise ActionError("http.500", 'said "\\u0000" and no more')
        return value

    effects.behaviour = behave
    workflow = published(database, FLAKY)
    return workflow, engine.until_ended(*(started(database, workflow, {"n": n}) for n in range(8)))


def counts(database: Database, level: str = "day") -> Mapping[str, int]:
    rows = database.execute("SELECT status, sum(n)::int AS n FROM execution_rollups WHERE level = %(level)s GROUP BY 1", {"level": level})
    return {row["status"]: row["n"] for row in rows}


def test_every_execution_counts_once_on_every_level(engine: EngineRun, database: Database, effects: Effects) -> None:
    workflow, ended = some_executions(engine, database, effects)
    assert database.one("SELECT count(*) AS n FROM facts")["n"] == 8
    assert fold_all(lambda: True)["facts"] == 8
    assert fold_all(lambda: True)["facts"] == 0
    for level in ("minute", "hour", "day"):
        assert counts(database, level) == {"succeeded": 6, "failed": 2}
    nodes = database.execute("SELECT node_id, status, error, sum(n)::int AS n, sum(retries)::int AS retries FROM node_rollups WHERE level = 'day' GROUP BY 1, 2, 3 ORDER BY 1, 2")
    assert [tuple(row.values()) for row in nodes] == [("call", "failed", "http.500", 2, 1), ("call", "succeeded", "", 6, 2), ("first", "succeeded", "", 8, 0)]
    slots = database.execute("SELECT slot, sum(n)::int AS n FROM execution_rollups WHERE level = 'day' GROUP BY 1")
    exact = Counter(slot_of((row["finished_at"] - row["started_at"]).total_seconds() * 1000) for row in ended)
    assert {row["slot"]: row["n"] for row in slots} == exact
    assert database.one("SELECT DISTINCT workflow_id, version FROM execution_rollups") == {"workflow_id": workflow.workflow_id, "version": 1}


def test_a_recount_of_history_finds_the_same(engine: EngineRun, database: Database, effects: Effects) -> None:
    some_executions(engine, database, effects)
    fold_all(lambda: True)
    folded = both(database)
    assert recount_all() == 8
    assert both(database) == folded


def test_a_recount_takes_what_is_not_folded_yet_and_its_facts(engine: EngineRun, database: Database, effects: Effects) -> None:
    some_executions(engine, database, effects)
    assert recount_all() == 8
    assert fold_all(lambda: True)["facts"] == 0
    assert counts(database) == {"succeeded": 6, "failed": 2}


def test_what_a_retry_took_over_is_not_counted_again(engine: EngineRun, database: Database, effects: Effects, settings_env: Settings) -> None:
    from chalicelib.core.config import DEFAULT_WORKSPACE
    from chalicelib.workflows import executions

    _, ended = some_executions(engine, database, effects)
    failed = next(row["id"] for row in ended if row["status"] == "failed")
    with db.transaction() as connection:
        again = executions.retry(connection, DEFAULT_WORKSPACE, failed)
    engine.until_ended(again.id)
    fold_all(lambda: True)
    first = database.one("SELECT sum(n)::int AS n FROM node_rollups WHERE level = 'day' AND node_id = 'first'")
    call = database.one("SELECT sum(n)::int AS n FROM node_rollups WHERE level = 'day' AND node_id = 'call'")
    assert (first["n"], call["n"]) == (8, 9)


def test_whoever_dies_before_the_commit_has_counted_nothing(engine: EngineRun, database: Database, effects: Effects) -> None:
    some_executions(engine, database, effects)
    with db.engine(database.url).connect() as connection:
        assert fold_facts(connection, utc_now(), limit=3).facts == 3
        connection.invalidate()  # the socket is closed, as a killed process's is
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
    assert counts(database) == {}
    assert fold_all(lambda: True)["facts"] == 8
    assert counts(database) == {"succeeded": 6, "failed": 2}


def test_one_projector_at_a_time(engine: EngineRun, database: Database, effects: Effects) -> None:
    some_executions(engine, database, effects)
    with db.transaction() as first:
        assert fold_facts(first, utc_now(), limit=3).facts == 3
        assert fold_all(lambda: True)["facts"] == 0  # the other one is at it
    assert fold_all(lambda: True)["facts"] == 5
    assert counts(database) == {"succeeded": 6, "failed": 2}


@pytest.mark.parametrize("seed", range(3))
def test_batches_in_any_size_and_late_facts_add_up(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    ids = invented(database, chance, 60)
    held_back = set(chance.sample(ids, 15))
    database.execute("UPDATE facts SET at = at + interval '2 hours' WHERE subject = ANY(%(ids)s)", {"ids": sorted(held_back)})
    while True:
        with db.transaction() as connection:
            if fold_facts(connection, utc_now(), limit=chance.randint(1, 20)).facts == 0:
                break
    folded = both(database)
    recount_all()
    assert both(database) == folded
    assert sum(counts(database).values()) == 60


def test_old_buckets_go_by_their_level(database: Database) -> None:
    invented(database, random.Random(1), 5)
    fold_all(lambda: True)
    now = utc_now()
    for days, levels in ((1, {"minute", "hour", "day"}), (5, {"hour", "day"}), (130, {"day"}), (4000, set())):
        with db.transaction() as connection:
            expire(connection, now + timedelta(days=days))
        assert {row["level"] for row in database.execute("SELECT DISTINCT level FROM execution_rollups")} == levels
        assert {row["level"] for row in database.execute("SELECT DISTINCT level FROM node_rollups")} == levels


def test_the_database_and_python_agree_on_slots(database: Database) -> None:
    durations = [0.0, 0.5, 1.0, 1.1, 1.2100001, 17.3, 999.9, 86_400_000.0, 3.15e10]
    rows = database.execute("SELECT duration_slot(x) AS slot FROM unnest(%(x)s::float8[]) WITH ORDINALITY AS v(x, n) ORDER BY n", {"x": durations})
    assert [row["slot"] for row in rows] == [slot_of(duration) for duration in durations]


def invented(database: Database, chance: random.Random, n: int) -> list[str]:
    """Ended executions with node runs and facts, straight in the tables, within the last day."""
    workflows = [published(database, FLAKY) for _ in range(3)]
    ids = []
    for _ in range(n):
        workflow = chance.choice(workflows)
        seconds = chance.uniform(0, 80_000)
        execution_id = bound("exe", utc_now() - timedelta(seconds=seconds))[:14] + new_id("exe")[14:]
        ids.append(execution_id)
        status = chance.choice(["succeeded", "failed", "cancelled"])
        values = {"id": execution_id, "wf": workflow.workflow_id, "def": workflow.definition_id, "s": seconds, "took": chance.expovariate(1), "status": status}
        database.execute(
            """INSERT INTO executions (id, workspace_id, workflow_id, definition_id, version, status, trigger, input, error, created_at, started_at, finished_at, last_seq)
               VALUES (%(id)s, 'ws_00000000000000000000000000', %(wf)s, %(def)s, 1, %(status)s, '{}', '{}',
                 CASE WHEN %(status)s <> 'succeeded' THEN '{"code":"bad.luck","message":"x"}' END,
                 now() - make_interval(secs => %(s)s + %(took)s), now() - make_interval(secs => %(s)s + %(took)s), now() - make_interval(secs => %(s)s), 9)""",
            values,
        )
        for attempt in range(1, chance.randint(1, 3) + 1):
            database.execute(
                """INSERT INTO node_runs (execution_id, node_id, iteration, attempt, workspace_id, type, status, error, started_seq, finished_seq, started_at, finished_at)
                   VALUES (%(id)s, 'call', '', %(attempt)s, 'ws_00000000000000000000000000', 'test.effect', 'failed', '{"code":"http.500"}', 3, 4,
                     now() - make_interval(secs => %(s)s + %(took)s / 2), now() - make_interval(secs => %(s)s))""",
                {**values, "attempt": attempt},
            )
        database.execute("INSERT INTO facts (kind, workspace_id, subject) VALUES ('execution', 'ws_00000000000000000000000000', %(id)s)", values)
    return ids


def test_a_long_loop_is_one_execution_and_all_its_node_runs(database: Database, engine: EngineRun) -> None:
    work = {"id": "work", "type": "transform", "config": {"assign": {"x": "item"}}}
    body = definition({"id": "each", "type": "map", "config": {"items": "{{ input.items }}", "body": {"nodes": [work]}}})
    engine.until_ended(started(database, published(database, body), {"items": list(range(230))}))
    fold_all(lambda: True)
    assert counts(database) == {"succeeded": 1}
    nodes = database.execute("SELECT node_id, sum(n)::int AS n FROM node_rollups WHERE level = 'day' GROUP BY 1 ORDER BY 1")
    assert [tuple(row.values()) for row in nodes] == [("each", 1), ("work", 230)]
    folded = both(database)
    recount_all()
    assert both(database) == folded

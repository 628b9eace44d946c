"""Redis as the engine uses it: a resume without reading definition or node runs, nothing left at the end, and rows as the truth when Redis is empty or wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from chalicelib.core import cache_async
from chalicelib.engine.database import AsyncConnection
from tests.support.engines import EngineRun
from tests.support.workflows import Database, definition, published, started

BODY = definition(
    {"id": "first", "type": "transform", "config": {"assign": {"x": "input.n + 1"}}},
    {"id": "pause", "type": "delay", "config": {"seconds": 1.5}},
    {"id": "last", "type": "transform", "config": {"assign": {"y": "nodes.first.output.x * 2", "until": "nodes.pause.output.until"}}},
    edges=[("first", "pause"), ("pause", "last")],
)


@pytest.fixture
def sql(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of the engine, as it is sent."""
    sent: list[str] = []
    execute = AsyncConnection.execute

    async def spy(self: AsyncConnection, statement: str, params: Any, **how: Any) -> Any:
        sent.append(statement)
        return await execute(self, statement, params, **how)

    monkeypatch.setattr(AsyncConnection, "execute", spy)
    return sent


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what Redis holds; on a busy machine it may take longer than production would wait for it."""
    monkeypatch.setattr(cache_async, "TIMEOUT_SECONDS", 5.0)


@pytest.fixture
def store(redis_url: str) -> redis.Redis:
    """Redis itself."""
    if redis_url == "none":
        pytest.skip("this run is without Redis")
    return redis.Redis.from_url(redis_url)


def parked(database: Database, engine: EngineRun) -> str:
    """An execution that waits in its delay."""
    execution_id = started(database, published(database, BODY), {"n": 20})
    engine.drain(10.0)  # it ends when nothing is due within a second
    assert database.one("SELECT worker FROM wakes")["worker"] is None
    return execution_id


def test_a_resume_reads_neither_definition_nor_node_runs(database: Database, engine: EngineRun, sql: list[str], store: redis.Redis) -> None:
    execution_id = parked(database, engine)
    key = f"millrace:context:{execution_id}"
    assert store.ttl(key) > 0
    sql.clear()
    (row,) = engine.until_ended(execution_id)  # a new worker: nothing is in its memory
    assert row["output"]["last"]["y"] == 42
    read = [statement for statement in sql if statement.lstrip().startswith("SELECT")]
    assert not [statement for statement in read if "definitions" in statement or "node_runs" in statement or "FROM executions" in statement]
    assert not store.exists(key)


def test_an_empty_redis_is_no_loss(database: Database, engine: EngineRun, sql: list[str], store: redis.Redis) -> None:
    execution_id = parked(database, engine)
    for key in store.keys("millrace:*"):
        store.delete(key)
    sql.clear()
    (row,) = engine.until_ended(execution_id)
    assert row["output"]["last"]["y"] == 42
    assert any("FROM node_runs" in statement for statement in sql)


@pytest.mark.parametrize("damage", ["older epoch", "not json", "other shape"])
def test_a_context_that_does_not_fit_is_not_used(database: Database, engine: EngineRun, store: redis.Redis, damage: str) -> None:
    execution_id = parked(database, engine)
    key = f"millrace:context:{execution_id}"
    kept = json.loads(store.get(key))
    kept["state"]["input"] = {"n": 1_000_000}  # would show in the output
    if damage == "older epoch":
        kept["epoch"] -= 1
    if damage == "other shape":
        del kept["state"]["runs"]
    store.set(key, "{" if damage == "not json" else json.dumps(kept))
    (row,) = engine.until_ended(execution_id)
    assert row["output"]["last"]["y"] == 42


def test_a_redis_that_is_not_there_costs_no_execution(database: Database, engine: EngineRun) -> None:
    engine.redis_url = "redis://127.0.0.1:1/0"
    (row,) = engine.until_ended(started(database, published(database, BODY), {"n": 20}))
    assert row["output"]["last"]["y"] == 42

"""Starting executions: once per key, at the version that is live, never for what is switched off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import dict_row

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.engine.starts import StartRow, start_executions
from tests.support.workflows import Database, Published, api_trigger, definition, published, wish

ONE_NODE = definition({"id": "a", "type": "transform"})


def test_a_start_makes_an_execution_and_puts_it_into_the_queue(database: Database) -> None:
    outcome = wish(database, published(database, ONE_NODE), {"n": 1})
    assert outcome.verdict == "started"
    assert outcome.version == 1
    row = database.one(
        "SELECT e.status, e.input, w.wake_at <= now() AS due FROM executions e JOIN wakes w ON w.execution_id = e.id"
    )
    assert dict(row) == {"status": "queued", "input": '{"n":1}', "due": True}


def test_the_same_key_is_one_execution_also_within_one_statement(database: Database) -> None:
    workflow = published(database, ONE_NODE)
    rows = [StartRow(DEFAULT_WORKSPACE, workflow.workflow_id, n, {"type": "manual"}, key="k", body_hash=str(n)) for n in range(3)]
    outcomes = start_executions(database.execute, rows)
    assert sorted(outcome.verdict for outcome in outcomes) == ["duplicate", "duplicate", "started"]
    assert len({outcome.execution_id for outcome in outcomes}) == 1
    again = wish(database, workflow, 9, key="k", body_hash="9")
    assert again.verdict == "duplicate"
    assert again.body_hash in {"0", "1", "2"}
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 1


def test_fifty_at_once_with_one_key_are_one_execution(database: Database) -> None:
    workflow = published(database, ONE_NODE)

    def once(_: int) -> str | None:
        own = Database(database.url)
        try:
            return wish(own, workflow, key="same").execution_id
        finally:
            own.close()

    with ThreadPoolExecutor(10) as pool:
        ids = set(pool.map(once, range(50)))
    assert len(ids) == 1
    assert database.one("SELECT count(*) AS n FROM wakes")["n"] == 1


def test_what_was_read_must_still_be_so(database: Database) -> None:
    workflow = published(database, ONE_NODE)
    trigger_id = api_trigger(database, workflow, "p")
    read = {"trigger_id": trigger_id, "trigger_revision": 1, "definition_id": workflow.definition_id}
    assert wish(database, workflow, **read).verdict == "started"
    database.execute("UPDATE triggers SET revision = 2")
    assert wish(database, workflow, **read).verdict == "changed"
    assert wish(database, workflow, **{**read, "trigger_revision": 2, "definition_id": "def_other"}).verdict == "changed"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ("UPDATE triggers SET enabled = false", "trigger_disabled"),
        ("UPDATE workflows SET enabled = false", "workflow_disabled"),
        ("UPDATE workflows SET live_version = NULL", "workflow_not_published"),
        ("DELETE FROM triggers", "gone"),
    ],
)
def test_what_is_switched_off_starts_nothing_and_leaves_no_key(database: Database, change: str, verdict: str) -> None:
    workflow = published(database, ONE_NODE)
    trigger_id = api_trigger(database, workflow, "p")
    database.execute(change)
    assert wish(database, workflow, trigger_id=trigger_id, key="k").verdict == verdict
    assert database.one("SELECT (SELECT count(*) FROM start_keys) + (SELECT count(*) FROM executions) AS n")["n"] == 0


def test_a_start_says_how_long_the_workflows_oldest_has_been_due(database: Database) -> None:
    workflow, other = published(database, ONE_NODE), published(database, ONE_NODE)
    assert wish(database, workflow).lag == 0
    with psycopg.connect(database.url, row_factory=dict_row) as connection:  # one transaction, so that now() stands still

        def lag_of(one: Published) -> float:
            start = StartRow(DEFAULT_WORKSPACE, one.workflow_id, {}, {"type": "manual"})
            return start_executions(lambda sql, params: connection.execute(sql, params).fetchall(), [start])[0].lag

        connection.execute("UPDATE wakes SET wake_at = now() - interval '1.5 s'")
        assert (lag_of(workflow), lag_of(other)) == (1.5, 0.0)
        connection.execute("UPDATE wakes SET wake_at = now() + interval '1 s'")  # all are held, or wait for their time
        assert lag_of(workflow) == 0

"""History is forgotten when its workflow's live version says so, and not before; by whole months where that can be, and never what something live still needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from chalicelib.core import db
from chalicelib.core.config import DEFAULT_WORKSPACE, Settings
from chalicelib.core.ids import bound
from chalicelib.engine import forgetting
from tests.support.engines import EngineRun
from tests.support.workflows import Database, Published, definition, published, started

NODE = {"id": "a", "type": "transform"}
OLD = datetime(2025, 1, 10, tzinfo=UTC)


def forget(limit: int = 10) -> int:
    return forgetting.forget(db.transaction, limit, hourly=True)


def keeping(database: Database, **settings: int) -> Published:
    return published(database, definition(NODE, settings=settings))


@pytest.mark.parametrize(("settings", "kept"), [({"retention_days": 30}, 1), ({"retention_days": 90}, 2), ({}, 2)])
def test_what_is_older_than_it_is_kept_goes(database: Database, engine: EngineRun, settings_env: Settings, settings: dict[str, int], kept: int) -> None:
    workflow = keeping(database, **settings)
    ids = [started(database, workflow) for _ in range(2)]
    engine.until_ended(*ids)
    for execution_id in (age(database, ids[0], datetime.now(UTC) - timedelta(days=60)), ids[1]):
        told(database, workflow, execution_id)
    assert forget() == 2 - kept
    assert database.one("SELECT count(*) AS n FROM deliveries")["n"] == kept
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == kept
    assert database.one("SELECT count(*) AS n FROM node_runs")["n"] == kept


def told(database: Database, workflow: Published, execution_id: str) -> None:
    """A message of this execution, in the delivery ledger."""
    database.execute(
        "INSERT INTO deliveries (id, workspace_id, workflow_id, execution_id, node_id, iteration, attempt, idempotency_key, channel, recipient, recipient_digest, provider)"
        " VALUES (replace(%(id)s, 'exe', 'dlv'), %(workspace)s, %(workflow)s, %(id)s, 'a', '', 1, %(id)s, 'email', 'j…@b.example', '0', 'smtp')",
        {"id": execution_id, "workspace": DEFAULT_WORKSPACE, "workflow": workflow.workflow_id},
    )


def age(database: Database, execution_id: str, at: datetime, ended: datetime | None = None) -> str:
    """Move an ended execution into the past, where its month's partition, or the rest, takes it."""
    old, end = bound("exe", at)[:-4] + execution_id[-4:], ended or at + timedelta(days=1)
    for table, sql in (
        ("executions", "UPDATE executions SET id = %(old)s, created_at = %(at)s, finished_at = %(end)s WHERE id = %(id)s"),
        ("node_runs", "UPDATE node_runs SET execution_id = %(old)s WHERE execution_id = %(id)s"),
    ):
        database.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_end_once")
        database.execute(sql, {"old": old, "id": execution_id, "at": at, "end": end})
        database.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_end_once")
    database.execute("DELETE FROM facts")
    return old


@pytest.fixture
def january(database: Database) -> str:
    """A month of long ago, with partitions of its own."""
    for table in ("executions", "node_runs"):
        database.execute(f"CREATE TABLE {table}_2025_01 PARTITION OF {table} FOR VALUES FROM ('{bound('exe', OLD.replace(day=1))}') TO ('{bound('exe', OLD.replace(month=2, day=1))}')")
    return "2025_01"


def months(database: Database) -> set[str]:
    rows = database.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(executions|node_runs)_2025'")
    return {row["relname"] for row in rows}


BOTH = {"executions_2025_01", "node_runs_2025_01"}


def ended(database: Database, engine: EngineRun, workflow: Published, count: int = 1) -> list[str]:
    ids = [started(database, workflow) for _ in range(count)]
    engine.until_ended(*ids)
    return ids


@pytest.mark.own_database
def test_a_month_that_is_over_is_dropped_and_no_row_deleted(database: Database, engine: EngineRun, settings_env: Settings, january: str) -> None:
    workflow = keeping(database, retention_days=30)
    for execution_id in ended(database, engine, workflow, 3):
        told(database, workflow, age(database, execution_id, OLD))
    assert database.one("SELECT count(*) AS n FROM executions_2025_01")["n"] == 3
    database.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a row was deleted'; END $$")
    for table in BOTH:
        database.execute(f"CREATE TRIGGER no_deletion BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()")
    assert forget() == 0
    assert months(database) == set()
    assert database.one("SELECT (SELECT count(*) FROM executions) + (SELECT count(*) FROM deliveries) AS n")["n"] == 0
    assert forget() == 0


def still_live(database: Database, old: str) -> None:
    """An execution of that month sleeps."""
    database.execute("INSERT INTO wakes (execution_id, lane, wake_at) VALUES (%(id)s, 1, now() + interval '1 year')", {"id": old})


def needed_by_its_parent(database: Database, old: str) -> None:
    """It has ended, but the execution that started it has not, and will read its result."""
    parent = bound("exe", OLD - timedelta(days=60))
    database.execute("UPDATE executions SET parent_id = %(parent)s WHERE id = %(id)s", {"parent": parent, "id": old})
    database.execute("INSERT INTO wakes (execution_id, lane) VALUES (%(id)s, 1)", {"id": parent})


def not_counted(database: Database, old: str) -> None:
    """Analytics have not counted it."""
    database.execute("INSERT INTO facts (kind, workspace_id, subject) VALUES ('execution', 'ws', %(id)s)", {"id": old})


def not_told(database: Database, old: str) -> None:
    """Triggers that listen to its end have not been fired."""
    database.execute("INSERT INTO endings (execution_id) VALUES (%(id)s)", {"id": old})


def ended_lately(database: Database, old: str) -> None:
    """It ran for a year."""
    database.execute("UPDATE executions SET finished_at = now() - interval '1 day' WHERE id = %(id)s", {"id": old})


def stuck(database: Database, old: str) -> None:
    """By its row it has not ended."""
    database.execute("UPDATE executions SET status = 'queued', finished_at = NULL WHERE id = %(id)s", {"id": old})


@pytest.mark.own_database
@pytest.mark.parametrize("reason", [still_live, needed_by_its_parent, not_counted, not_told, ended_lately, stuck], ids=lambda reason: reason.__name__)
def test_a_month_in_which_something_is_needed_stays(database: Database, engine: EngineRun, settings_env: Settings, january: str, reason: Any) -> None:
    (execution_id,) = ended(database, engine, keeping(database, retention_days=30))
    old = age(database, execution_id, OLD)
    database.execute("ALTER TABLE executions DISABLE TRIGGER executions_end_once")
    reason(database, old)
    assert forget() == 0
    assert months(database) == BOTH
    assert database.one("SELECT count(*) AS n FROM executions_2025_01")["n"] == 1


@pytest.mark.own_database
def test_where_others_are_kept_longer_rows_are_deleted_and_the_month_stays(database: Database, engine: EngineRun, settings_env: Settings, january: str) -> None:
    (short,) = ended(database, engine, keeping(database, retention_days=30))
    (for_ever,) = ended(database, engine, keeping(database))
    age(database, short, OLD)
    kept = age(database, for_ever, OLD + timedelta(days=1))
    assert forget() == 1
    assert [row["id"] for row in database.execute("SELECT id FROM executions_2025_01")] == [kept]


@pytest.mark.own_database
def test_a_child_of_a_live_parent_is_not_deleted_either(database: Database, engine: EngineRun, settings_env: Settings, january: str) -> None:
    (short,) = ended(database, engine, keeping(database, retention_days=7))
    (for_ever,) = ended(database, engine, keeping(database))
    old = age(database, short, OLD)
    age(database, for_ever, OLD + timedelta(days=1))
    database.execute("ALTER TABLE executions DISABLE TRIGGER executions_end_once")
    needed_by_its_parent(database, old)
    assert forget() == 0


@pytest.mark.own_database
def test_the_installations_default_holds_for_what_says_nothing(
    database: Database, engine: EngineRun, settings_env: Settings, january: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = keeping(database)
    (execution_id,) = ended(database, engine, workflow)
    age(database, execution_id, OLD)
    database.execute("DELETE FROM workflows WHERE id = %(id)s", {"id": workflow.workflow_id})  # its history stays
    assert (forget(), months(database)) == (0, BOTH)
    monkeypatch.setattr(forgetting, "settings", lambda: replace(settings_env, retention_days=90))
    assert (forget(), months(database)) == (0, set())


@pytest.mark.own_database
def test_a_drop_does_not_queue_behind_a_long_transaction(database: Database, engine: EngineRun, settings_env: Settings, january: str) -> None:
    (execution_id,) = ended(database, engine, keeping(database, retention_days=30))
    age(database, execution_id, OLD)
    with psycopg.connect(database.url) as reader:
        reader.execute("SELECT * FROM node_runs")
        with pytest.raises(Exception, match="lock timeout"):
            forget()
        reader.rollback()
    assert months(database) == BOTH
    forget()
    assert months(database) == set()


@pytest.mark.own_database
def test_half_a_drop_is_finished(database: Database, engine: EngineRun, settings_env: Settings, january: str) -> None:
    (execution_id,) = ended(database, engine, keeping(database, retention_days=30))
    age(database, execution_id, OLD)
    database.execute("DROP TABLE node_runs_2025_01")
    forget()
    assert months(database) == set()


def test_keys_outlive_history(database: Database, engine: EngineRun, settings_env: Settings) -> None:
    workflow = keeping(database, retention_days=1)
    execution_id = started(database, workflow, key="once")
    engine.until_ended(execution_id)
    age(database, execution_id, datetime.now(UTC) - timedelta(days=60))
    assert forget() == 1
    assert database.one("SELECT execution_id FROM start_keys")["execution_id"] == execution_id


def test_beyond_its_bytes_the_oldest_go_and_the_live_stay(database: Database, engine: EngineRun, settings_env: Settings) -> None:
    workflow = keeping(database, retention_bytes=1_000_000)
    big = {"text": "x" * 300_000}  # in the input, and once more in nothing: a transform without assignments gives {}
    ids = [started(database, workflow, big) for _ in range(5)]
    engine.until_ended(*ids)
    waiting = started(database, workflow, big)
    database.execute("DELETE FROM facts")
    assert forget() == 3  # the live one counts too
    assert [row["id"] for row in database.execute("SELECT id FROM executions ORDER BY id")] == [*ids[3:], waiting]
    assert {row["execution_id"] for row in database.execute("SELECT execution_id FROM node_runs")} == set(ids[3:])
    assert forget() == 0

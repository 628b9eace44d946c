"""Workflows that listen to the ends of others, and executions started from SQL: once each, within the depth budget, by those who may."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import psycopg
import pytest

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.db import transaction
from chalicelib.core.ids import is_id
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.triggers import service
from chalicelib.triggers.endings import fire_endings
from tests.support.engines import EngineRun
from tests.support.workflows import Database, Published, definition, published, started

pytestmark = pytest.mark.usefixtures("settings_env")

STOP = {"id": "done", "type": "stop", "config": {"output": {"total": "{{ input.n }}"}}}
FAIL = {"id": "bad", "type": "fail", "config": {"message": "no"}}


def listener(database: Database, workflow: Published, source: Published, **config: Any) -> str:
    with transaction() as connection:
        made = service.create(
            connection,
            DEFAULT_WORKSPACE,
            workflow_id=workflow.workflow_id,
            type="workflow",
            config={"workflow": source.workflow_id, **{name: value for name, value in config.items() if name != "mapping"}},
            mapping=config.get("mapping"),
        )
    return made["id"]


def run(database: Database, engine: EngineRun) -> None:
    """Workers until everything has ended."""
    engine.until_ended(*(row["execution_id"] for row in database.execute("SELECT execution_id FROM wakes")))


def follow(limit: int = 500) -> int:
    with transaction() as connection:
        return fire_endings(connection, limit)


def followers(database: Database, trigger_id: str) -> list[dict[str, Any]]:
    rows = database.execute("SELECT * FROM executions WHERE trigger_id = %(id)s ORDER BY id", {"id": trigger_id})
    return [{**row, "input": json.loads(row["input"]), "trigger": json.loads(row["trigger"])} for row in rows]


def test_an_end_starts_what_listens_to_it_once(database: Database, engine: EngineRun) -> None:
    order, audit, alarm = (published(database, definition(node)) for node in (STOP, STOP, STOP))
    broken = published(database, definition(FAIL))
    on_success = listener(database, audit, order)
    on_failure = listener(database, alarm, broken, on=["failed", "cancelled"])
    ended = started(database, order, {"n": 7})
    failed = started(database, broken)
    run(database, engine)
    assert follow() == 2
    assert follow() == 0
    (first,), (second,) = followers(database, on_success), followers(database, on_failure)
    assert {name: first["input"][name] for name in ("execution_id", "status", "output", "input", "version")} == {
        "execution_id": ended, "status": "succeeded", "output": {"total": 7}, "input": {"n": 7}, "version": 1,
    }  # fmt: skip
    assert (second["input"]["execution_id"], second["input"]["error"]["message"]) == (failed, "no")
    assert first["trigger"] == {"type": "workflow", "id": on_success, "execution_id": ended, "status": "succeeded"}
    assert (first["depth"], second["depth"]) == (1, 1)
    assert database.execute("SELECT 1 FROM endings") == []


def test_only_the_ends_it_asks_for_and_its_filter_lets_through(database: Database, engine: EngineRun) -> None:
    order, audit = published(database, definition(STOP)), published(database, definition(STOP))
    large = listener(database, audit, order, filter="input.output.total > 5", mapping={"n": "{{ input.output.total * 2 }}"})
    failed_only = listener(database, audit, order, on=["failed"])
    for n in (1, 6, 9):
        started(database, order, {"n": n})
    run(database, engine)
    assert follow() == 2
    assert sorted(row["input"]["n"] for row in followers(database, large)) == [12, 18]
    assert followers(database, failed_only) == []


def test_who_listens_to_nothing_costs_nothing(database: Database, engine: EngineRun) -> None:
    order = published(database, definition(STOP))
    started(database, order, {"n": 1})
    run(database, engine)
    assert database.execute("SELECT 1 FROM endings") == []


def test_workflows_that_start_each_other_end_at_the_budget(database: Database, engine: EngineRun) -> None:
    ping, pong = published(database, definition(STOP)), published(database, definition(STOP))
    listener(database, pong, ping, mapping={"n": 1})
    last = listener(database, ping, pong, mapping={"n": 1})
    started(database, ping, {"n": 1})
    run(database, engine)
    while follow():
        run(database, engine)
    found = database.execute("SELECT depth FROM executions ORDER BY depth")
    assert [row["depth"] for row in found] == list(range(9))
    triggers = database.execute("SELECT id, unhealthy_reason, skipped_records FROM triggers")
    refused = [row for row in triggers if row["unhealthy_reason"]]
    assert len(refused) == 1
    assert "at most 8 deep" in refused[0]["unhealthy_reason"]
    assert last in {row["id"] for row in triggers}


def test_many_rounds_at_once_start_each_end_once(database: Database, engine: EngineRun) -> None:
    order, audit = published(database, definition(STOP)), published(database, definition(STOP))
    trigger_id = listener(database, audit, order)
    for n in range(40):
        started(database, order, {"n": n})
    run(database, engine)
    threads = [threading.Thread(target=follow, args=(7,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while follow():
        pass
    assert sorted(row["input"]["output"]["total"] for row in followers(database, trigger_id)) == list(range(40))


def test_what_is_disabled_or_gone_says_so(database: Database, engine: EngineRun) -> None:
    order, audit = published(database, definition(STOP)), published(database, definition(STOP))
    trigger_id = listener(database, audit, order)
    database.execute("UPDATE triggers SET enabled = false")
    started(database, order, {"n": 1})
    run(database, engine)
    assert (follow(), followers(database, trigger_id)) == (0, [])
    assert database.one("SELECT skipped_records FROM triggers")["skipped_records"] == 1
    database.execute("UPDATE triggers SET enabled = true")
    database.execute("DELETE FROM workflows WHERE id = %(id)s", {"id": order.workflow_id})
    with transaction() as connection:
        shown = service.show(service.get(connection, DEFAULT_WORKSPACE, trigger_id))
    assert (shown["state"], shown["reason"]) == ("unhealthy", "the workflow it listens to was deleted")
    noted = database.one("SELECT state, reason FROM trigger_health WHERE trigger_id = %(id)s", id=trigger_id)
    assert noted == {"state": "unhealthy", "reason": "the workflow it listens to was deleted"}


@pytest.fixture
def application(database: Database) -> Any:
    """An application's own role: a login that may start executions, and nothing else."""
    name = f"app_{uuid.uuid4().hex[:10]}"
    database.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'app' IN ROLE millrace_starter")
    url = psycopg.conninfo.make_conninfo(database.url, user=name, password="app")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
    database.execute(f"DROP ROLE {name}")


START = "SELECT millrace.start_execution(%s, %s::jsonb, %s)"


def test_an_application_starts_within_its_own_transaction(database: Database, engine: EngineRun, application: Any) -> None:
    order = published(database, definition(STOP))
    execution_id = application.execute(START, (order.workflow_id, '{"n": 3}', None)).fetchone()[0]
    assert is_id(execution_id, "exe")
    with application.transaction(force_rollback=True):
        rolled_back = application.execute(START, (order.workflow_id, '{"n": 4}', "k")).fetchone()[0]
    run(database, engine)
    done = database.one("SELECT * FROM executions")
    assert (done["id"], done["status"], json.loads(done["output"])) == (execution_id, "succeeded", {"total": 3})
    assert json.loads(done["trigger"]) == {"type": "sql", "id": None}
    assert application.execute(START, (order.workflow_id, '{"n": 4}', "k")).fetchone()[0] != rolled_back


def test_a_key_starts_once_from_sql(database: Database, application: Any) -> None:
    order = published(database, definition(STOP))
    first = application.execute(START, (order.workflow_id, '{"n": 1, "m": 2}', "order-1")).fetchone()[0]
    assert application.execute(START, (order.workflow_id, '{"m": 2, "n": 1}', "order-1")).fetchone()[0] == first
    with pytest.raises(psycopg.errors.UniqueViolation, match="another input"):
        application.execute(START, (order.workflow_id, '{"n": 2}', "order-1"))
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 1


@pytest.mark.parametrize(
    ("slug", "data", "key", "hint"),
    [
        ("absent", "{}", None, "not_found"),
        (None, '{"n": 9223372036854775808}', None, "number_out_of_range"),
        (None, "[" * 300 + "]" * 300, None, "too_deep"),
        (None, '"' + "x" * 1_100_000 + '"', None, "payload_too_large"),
        (None, "{}", "", "invalid_key"),
        (None, "{}", "x" * 256, "invalid_key"),
    ],
)
def test_what_sql_refuses_says_why(database: Database, application: Any, slug: str | None, data: str, key: str | None, hint: str) -> None:
    order = published(database, definition(STOP))
    with pytest.raises(psycopg.Error) as caught:
        application.execute(START, (slug or order.workflow_id, data, key))
    assert caught.value.diag.message_hint == hint
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 0


def test_disabled_and_unpublished_are_refused_from_sql(database: Database, application: Any) -> None:
    order = published(database, definition(STOP))
    for change, hint in (("enabled = false", "workflow_disabled"), ("enabled = true, live_version = NULL", "workflow_not_published")):
        database.execute(f"UPDATE workflows SET {change}")
        with pytest.raises(psycopg.Error) as caught:
            application.execute(START, (order.workflow_id, "{}", None))
        assert caught.value.diag.message_hint == hint


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM executions", "SELECT * FROM workflows", "INSERT INTO wakes (execution_id, lane) VALUES ('x', 1)", "SELECT millrace.new_execution_id()",
     "DELETE FROM start_keys", "SELECT * FROM api_keys"],
)  # fmt: skip
def test_the_role_may_do_nothing_else(application: Any, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(statement)


def test_ids_from_sql_sort_with_ours(database: Database) -> None:
    made = [database.one("SELECT millrace.new_execution_id() AS id")["id"] for _ in range(50)]
    assert len(set(made)) == 50
    assert all(is_id(each, "exe") for each in made)
    order = published(database, definition(STOP))
    ours = start_executions(database.execute, [StartRow(DEFAULT_WORKSPACE, order.workflow_id, {}, {"type": "manual"})])[0].execution_id
    assert ours is not None
    assert made[0][:10] == ours[:10]

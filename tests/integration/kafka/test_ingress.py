"""The Kafka handler on a real database, with events as Lambda sends them: exactly once, poison aside, nothing in its way."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.core.config import DEFAULT_WORKSPACE, Settings
from chalicelib.core.db import transaction
from chalicelib.core.errors import BadRequest, Conflict, InvalidJson, NotFound
from chalicelib.engine import wake
from chalicelib.triggers import dead_letters, kafka_ingress
from chalicelib.triggers.kafka_ingress import ingest
from chalicelib.triggers.kafka_outcomes import Audience
from functions.kafka import handler
from tests.support.kafka_triggers import executions, inputs, kafka_trigger, msk_event, record
from tests.support.workflows import Database, Published, definition, published

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DONE = {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def _settings(settings_env: Settings) -> None:
    """The handler finds the test's database."""


def letters(database: Database) -> list[dict[str, Any]]:
    return [
        dict(row) for row in database.execute("SELECT * FROM dead_letters ORDER BY topic, partition, record_offset, trigger_id")
    ]


def replay(database: Database, number: int = 0) -> dict[str, Any]:
    with transaction() as connection:
        return dead_letters.replay(connection, DEFAULT_WORKSPACE, letters(database)[number]["id"], now=NOW)


def test_each_record_becomes_one_execution(database: Database, workflow: Published) -> None:
    trigger_id = kafka_trigger(database, workflow, "orders")
    first, second = record({"n": 1}, 0, key=b"k", headers=(("source", b"shop"),)), record(None, 1)
    assert handler(msk_event(first, second), None) == DONE
    started = executions(database)
    assert [row["input"] for row in started] == [{"n": 1}, None]
    assert [row["status"] for row in started] == ["queued", "queued"]
    assert started[0]["trigger"] == {
        "type": "kafka",
        "id": trigger_id,
        "topic": "orders",
        "partition": 0,
        "offset": 0,
        "timestamp": "2026-11-18T11:06:40.000000Z",
        "key": "k",
        "headers": {"source": "shop"},
    }
    assert database.one("SELECT count(*) AS n FROM wakes WHERE wake_at IS NOT NULL")["n"] == 2
    assert database.one("SELECT last_fired_at FROM triggers")["last_fired_at"] is not None


def test_the_engine_is_woken_once_for_a_batch_and_not_for_duplicates(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    woken: list[int] = []
    wake.use_waker(lambda: woken.append(database.one("SELECT count(*) AS n FROM executions")["n"]))
    try:
        event = msk_event(record(1, 0), record(2, 1))
        handler(event, None)
        handler(event, None)
    finally:
        wake.use_waker(None)
    assert woken == [2]


def test_the_recorded_msk_event(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    event = json.loads((Path(__file__).parents[2] / "unit/kafka/msk_event.json").read_text())
    assert handler(event, SimpleNamespace(invoked_function_arn="arn:aws:lambda:eu-central-1:1:function:kafka")) == DONE
    assert inputs(database) == [{"order": 17, "total": 129.9}, None, "plain text"]


def test_redelivery_in_any_grouping_starts_nothing_twice(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    records = [record({"n": n}, n, partition=n % 3) for n in range(30)]
    handler(msk_event(*records[:20]), None)
    handler(msk_event(*records), None)
    handler(msk_event(*reversed(records)), None)
    handler(msk_event(records[5], records[5]), None)
    assert sorted(value["n"] for value in inputs(database)) == list(range(30))


def test_the_same_batch_at_once_from_many_pollers(database: Database, workflow: Published) -> None:
    for _ in range(2):
        kafka_trigger(database, workflow, "orders")
    batches = [msk_event(*(record({"n": n}, n) for n in range(start, start + 40))) for start in (0, 20, 10, 0, 20, 10)]
    barrier = threading.Barrier(len(batches))

    def deliver(event: dict[str, Any]) -> None:
        barrier.wait()
        for _ in range(5):  # whoever delivers tries again after a deadlock, as Lambda and the poller do
            try:
                handler(event, None)
            except Exception:
                continue
            return
        raise AssertionError("never stored")

    with ThreadPoolExecutor(len(batches)) as pool:
        list(pool.map(deliver, batches))
    assert sorted(value["n"] for value in inputs(database)) == sorted([*range(60), *range(60)])


def test_a_topic_made_anew_is_not_taken_for_the_old_one(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    handler(msk_event(record("old", 0, timestamp=1_795_000_000_000)), None)
    handler(msk_event(record("new", 0, timestamp=1_795_000_000_001)), None)
    assert sorted(inputs(database)) == ["new", "old"]


def test_poison_in_the_middle_is_kept_whole_and_holds_up_nobody(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    poison = record(b'{"n": ', 1, key=b"\xff", headers=(("a", b"\x80"),))
    event = msk_event(record({"n": 0}, 0), poison, record({"n": 2}, 2))
    assert handler(event, None) == DONE
    assert handler(event, None) == DONE
    assert inputs(database) == [{"n": 0}, {"n": 2}]
    (letter,) = letters(database)
    assert (letter["code"], letter["record_offset"]) == ("invalid_json", 1)
    assert "opens like JSON" in letter["reason"]
    assert msk_event(poison)["records"]["orders-0"] == [json.loads(letter["record"])]


def test_every_kind_of_record_that_cannot_become_an_execution(database: Database) -> None:
    strict = published(
        database, definition({"id": "done", "type": "stop", "config": {}}, input_schema={"type": "object", "required": ["n"]})
    )
    kafka_trigger(database, strict, "orders", mapping={"n": "{{ input.n / input.by }}"}, filter="input.n > 0")
    values = [
        b"{",
        b"[" * 300 + b"]" * 300,
        b'"' + b"x" * 1_048_576 + b'"',
        {"by": 1},
        {"n": "text", "by": 1},
        {"n": 1, "by": 0},
        {"n": 4, "by": 2},
    ]
    handler(msk_event(*(record(value, n) for n, value in enumerate(values))), None)
    assert inputs(database) == [{"n": 2}]
    assert [letter["code"] for letter in letters(database)] == [
        "invalid_json",
        "validation_failed",
        "payload_too_large",
        "expression_error",
        "expression_error",
        "expression_error",
    ]


def test_the_input_schema_judges_what_the_mapping_made(database: Database) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "maximum": 10}},
        "required": ["n"],
        "additionalProperties": False,
    }
    strict = published(database, definition({"id": "done", "type": "stop", "config": {}}, input_schema=schema))
    kafka_trigger(database, strict, "orders", mapping={"n": "{{ input.a + trigger.offset }}"})
    handler(msk_event(record({"a": 1}, 4), record({"a": 9}, 5)), None)
    assert inputs(database) == [{"n": 5}]
    (letter,) = letters(database)
    assert letter["code"] == "validation_failed"


def test_the_filter(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders", filter="input.amount > 100 && trigger.key == 'gold'")
    handler(
        msk_event(
            record({"amount": 500}, 0, key=b"gold"), record({"amount": 50}, 1, key=b"gold"), record({"amount": 500}, 2, key=b"tin")
        ),
        None,
    )
    assert inputs(database) == [{"amount": 500}]
    assert letters(database) == []
    assert database.one("SELECT skipped_records FROM triggers")["skipped_records"] == 0


def test_a_filter_that_gives_no_boolean_is_an_error_and_never_a_yes(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders", filter="input.amount")
    handler(msk_event(record({"amount": 1}, 0)), None)
    assert inputs(database) == []
    assert [letter["code"] for letter in letters(database)] == ["expression_error"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE triggers SET enabled = false", "UPDATE workflows SET enabled = false", "UPDATE workflows SET live_version = NULL"],
)
def test_what_is_stopped_skips_with_a_count(database: Database, workflow: Published, statement: str) -> None:
    kafka_trigger(database, workflow, "orders")
    database.execute(statement)
    handler(msk_event(record(1, 0), record(b"{", 1)), None)
    handler(msk_event(record(1, 2)), None)
    assert inputs(database) == []
    assert letters(database) == []
    row = database.one("SELECT skipped_records, last_fired_at FROM triggers")
    assert (row["skipped_records"], row["last_fired_at"]) == (3, None)


def test_records_nobody_reads_are_passed_over(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    assert handler(msk_event(record(1, 0, topic="other")), None) == DONE
    assert inputs(database) == []


def test_every_trigger_of_the_topic_gets_its_own_execution(database: Database, workflow: Published) -> None:
    ids = {kafka_trigger(database, workflow, "orders"), kafka_trigger(database, workflow, "orders", group="shop")}
    handler(msk_event(record(1, 0)), None)
    assert {row["trigger_id"] for row in executions(database)} == ids


def test_a_delivery_for_one_group_or_one_trigger_reaches_no_other(database: Database, workflow: Published) -> None:
    own = kafka_trigger(database, workflow, "orders")
    shared = kafka_trigger(database, workflow, "orders", group="shop")
    handler(msk_event(record(1, 0), millrace={"group": "shop"}), None)
    assert [row["trigger_id"] for row in executions(database)] == [shared]
    handler(msk_event(record(1, 0)), SimpleNamespace(invoked_function_arn=f"arn:aws:lambda:eu-central-1:1:function:kafka:{own}"))
    assert [row["trigger_id"] for row in executions(database)] == sorted([own, shared])


def test_an_event_of_another_source_is_refused(database: Database) -> None:
    with pytest.raises(BadRequest):
        handler({"Records": [{"eventSource": "aws:sqs"}]}, None)


def test_a_version_published_while_a_batch_is_prepared_is_the_one_that_runs(
    database: Database, workflow: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka_trigger(database, workflow, "orders")
    original = kafka_ingress.start_executions

    def publish_first(execute: Any, starts: Any) -> Any:
        if database.one("SELECT live_version FROM workflows")["live_version"] == 1:
            database.execute("INSERT INTO definitions SELECT 'def_2', workspace_id, workflow_id, body FROM definitions")
            database.execute("INSERT INTO workflow_versions SELECT workflow_id, 2, workspace_id, 'def_2' FROM workflow_versions")
            database.execute("UPDATE workflows SET live_version = 2, last_version = 2")
        return original(execute, starts)

    monkeypatch.setattr(kafka_ingress, "start_executions", publish_first)
    handler(msk_event(record(1, 0), record(2, 1)), None)
    assert [(row["version"], row["input"]) for row in executions(database)] == [(2, 1), (2, 2)]


def test_a_record_the_database_refuses_stands_alone(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    database.execute(
        """CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.input LIKE '%poison%' THEN RAISE EXCEPTION 'no such thing' USING ERRCODE = 'invalid_parameter_value'; END IF;
             RETURN NEW; END $$"""
    )
    database.execute("CREATE TRIGGER refuse BEFORE INSERT ON executions FOR EACH ROW EXECUTE FUNCTION refuse()")
    try:
        handler(msk_event(*(record("poison" if n == 13 else n, n) for n in range(40))), None)
    finally:
        database.execute("DROP FUNCTION refuse CASCADE")
    assert inputs(database) == [n for n in range(40) if n != 13]
    (letter,) = letters(database)
    assert (letter["code"], letter["record_offset"]) == ("cannot_be_stored", 13)
    assert "no such thing" in letter["reason"]


def test_a_fault_of_ours_keeps_the_record_and_holds_up_nobody(
    database: Database, workflow: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka_trigger(database, workflow, "orders")
    original = kafka_ingress.input_of
    monkeypatch.setattr(kafka_ingress, "input_of", lambda record, form: [][0] if record.offset == 1 else original(record, form))
    handler(msk_event(*(record(n, n) for n in range(3))), None)
    assert inputs(database) == [0, 2]
    (letter,) = letters(database)
    assert (letter["code"], letter["record_offset"]) == ("internal_error", 1)


def test_trouble_with_the_database_keeps_nothing_of_the_batch(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders")
    database.execute("ALTER TABLE dead_letters RENAME TO dead_letters_away")
    event = msk_event(record(1, 0), record(b"{", 1))
    try:
        with pytest.raises(Exception, match="dead_letters"):
            handler(event, None)
    finally:
        database.execute("ALTER TABLE dead_letters_away RENAME TO dead_letters")
    assert inputs(database) == []
    assert handler(event, None) == DONE
    assert (inputs(database), len(letters(database))) == ([1], 1)


def test_large_batches_are_cut_into_statements(database: Database, workflow: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka_trigger(database, workflow, "orders")
    sizes: list[int] = []
    original = kafka_ingress.start_executions
    monkeypatch.setattr(
        kafka_ingress, "start_executions", lambda execute, starts: sizes.append(len(starts)) or original(execute, starts)
    )
    large = b'"' + b"x" * 1_000_000 + b'"'
    with transaction() as connection:
        result = ingest(connection, msk_event(*(record(n, n) for n in range(1200))), audience=Audience(), now=NOW)
        ingest(connection, msk_event(*(record(large, n, partition=1) for n in range(20))), audience=Audience(), now=NOW)
    assert result.outcomes["started"] == 1200
    assert sizes == [500, 500, 200, 8, 8, 4]


def test_a_replay_makes_one_execution_however_often(database: Database, workflow: Published) -> None:
    trigger_id = kafka_trigger(database, workflow, "orders", filter="input.n > 0")
    event = msk_event(record({"m": 1}, 7))
    handler(event, None)
    with pytest.raises(Exception, match="n"):
        replay(database)
    assert letters(database)[0]["replayed_at"] is None
    database.execute(
        "UPDATE triggers SET config = %(config)s, revision = 2",
        {"config": json.dumps({"topic": "orders", "filter": "input.m > 0"})},
    )
    first, second = replay(database), replay(database)
    handler(event, None)
    (started,) = executions(database)
    assert first["execution_id"] == second["execution_id"] == started["id"]
    assert (first["trigger_id"], first["workflow_id"], first["offset"]) == (trigger_id, workflow.workflow_id, 7)
    assert first["replayed_at"] is not None
    assert started["input"] == {"m": 1}


def test_a_replay_of_what_was_delivered_again_meanwhile_names_that_execution(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders", filter="input.n > 0")
    event = msk_event(record({"m": 1}, 7))
    handler(event, None)
    database.execute('UPDATE triggers SET config = \'{"topic": "orders"}\', revision = 2')
    handler(event, None)
    (started,) = executions(database)
    assert replay(database)["execution_id"] == started["id"]


def test_two_replays_at_once(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders", filter="input.n > 0")
    handler(msk_event(record({"m": 1}, 7)), None)
    database.execute('UPDATE triggers SET config = \'{"topic": "orders"}\', revision = 2')
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: replay(database)["execution_id"], range(4)))
    assert answers == [executions(database)[0]["id"]] * 4


@pytest.mark.parametrize(
    ("statement", "error", "code"),
    [
        ("SELECT 1", InvalidJson, "invalid_json"),
        ("UPDATE triggers SET enabled = false", Conflict, "trigger_disabled"),
        ("UPDATE workflows SET enabled = false", Conflict, "workflow_disabled"),
        ("UPDATE workflows SET live_version = NULL", Conflict, "workflow_not_published"),
    ],
)
def test_a_replay_that_cannot_be_says_why(
    database: Database, workflow: Published, statement: str, error: type[Exception], code: str
) -> None:
    kafka_trigger(database, workflow, "orders")
    handler(msk_event(record(b"{", 0)), None)
    database.execute(statement)
    with pytest.raises(error) as refused:
        replay(database)
    assert refused.value.code == code  # type: ignore[attr-defined]


def test_a_replay_asks_the_filter(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders", filter="input.n > 0")
    handler(msk_event(record({"m": 1}, 7)), None)
    database.execute('UPDATE triggers SET config = \'{"topic": "orders", "filter": "input.m > 1"}\', revision = 2')
    with pytest.raises(Conflict) as refused:
        replay(database)
    assert refused.value.code == "filtered"


def test_dead_letters_are_listed_newest_first(database: Database, workflow: Published) -> None:
    first = kafka_trigger(database, workflow, "orders")
    kafka_trigger(database, workflow, "other")
    for n in range(5):
        handler(msk_event(record(b"{", n)), None)
    handler(msk_event(record(b'{"a": "' + b"x" * 20_000, 0, topic="other")), None)
    with transaction() as connection:
        rows = dead_letters.list_dead_letters(connection, DEFAULT_WORKSPACE, limit=10)
        assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
        shown = [dead_letters.show(row) for row in rows]
        assert (shown[0]["record"], shown[0]["topic"]) == (None, "other")
        assert dead_letters.get_dead_letter(connection, DEFAULT_WORKSPACE, shown[0]["id"])["record"]["offset"] == 0
        assert shown[-1]["record"]["value"] == "ew=="
        page = dead_letters.list_dead_letters(connection, DEFAULT_WORKSPACE, limit=2, after=rows[1]["id"], trigger_id=first)
        assert [row["id"] for row in page] == [rows[2]["id"], rows[3]["id"]]
        assert dead_letters.list_dead_letters(connection, "ws_other", limit=10) == []
        with pytest.raises(NotFound):
            dead_letters.get_dead_letter(connection, "ws_other", rows[0]["id"])
        with pytest.raises(NotFound):
            dead_letters.replay(connection, "ws_other", rows[0]["id"], now=NOW)

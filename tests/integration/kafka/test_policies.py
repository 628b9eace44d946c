"""What a Kafka trigger may ask for beyond an execution for each record: forms of values, batches, and what to do about records that cannot be used."""

from __future__ import annotations

import base64
import json
import random
import threading
from typing import Any

import pytest

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.db import transaction
from chalicelib.triggers import dead_letters, service
from chalicelib.triggers.kafka_plan import plan_of
from chalicelib.triggers.kafka_repository import subscriptions
from functions.kafka import handler
from tests.support.kafka_triggers import executions, inputs, kafka_trigger, msk_event, record
from tests.support.workflows import Database, Published, definition, published

pytestmark = pytest.mark.usefixtures("settings_env")


def row(database: Database, trigger_id: str) -> Any:
    return database.one("SELECT * FROM triggers WHERE id = %(id)s", id=trigger_id)


def values(database: Database) -> list[list[Any]]:
    return [[entry["value"] for entry in batch] for batch in inputs(database)]


def failures(answer: Any) -> list[tuple[str, int]]:
    return [(item["itemIdentifier"]["partition"], item["itemIdentifier"]["offset"]) for item in answer["batchItemFailures"]]


@pytest.mark.parametrize(
    ("form", "value", "headers", "expected"),
    [
        ("json", b'{"a": 1}', (), {"a": 1}),
        ("json", b"12", (("content-type", b"text/plain"),), 12),
        ("text", b'{"a": 1}', (), '{"a": 1}'),
        ("text", b"{not json", (), "{not json"),
        ("binary", b"text", (), {"content_type": "application/octet-stream", "base64": base64.b64encode(b"text").decode()}),
        ("binary", b"\x00\x01", (("content-type", b"avro/binary"),), {"content_type": "avro/binary", "base64": "AAE="}),
        ("text", None, (), None),
    ],
)
def test_values_as_the_trigger_says(
    database: Database, workflow: Published, form: str, value: bytes | None, headers: Any, expected: Any
) -> None:
    kafka_trigger(database, workflow, "orders", value=form)
    handler(msk_event(record(value, headers=headers)), None)
    assert inputs(database) == [expected]


@pytest.mark.parametrize(("form", "value", "code"), [("json", b"no json", "invalid_json"), ("text", b"\xff", "invalid_text")])
def test_values_that_are_not_what_the_trigger_says_are_dead_letters(
    database: Database, workflow: Published, form: str, value: bytes, code: str
) -> None:
    kafka_trigger(database, workflow, "orders", value=form)
    handler(msk_event(record(value)), None)
    assert database.one("SELECT code FROM dead_letters")["code"] == code


def test_a_batch_is_one_execution_for_records_of_a_partition(database: Database, workflow: Published) -> None:
    trigger_id = kafka_trigger(database, workflow, "orders", batch={"max_records": 3}, filter="input != 5")
    records = [record(n, n, key=b"k", headers=(("h", b"v"),)) for n in range(8)] + [record(100, 0, partition=1)]
    handler(msk_event(*records), None)
    assert sorted(values(database)) == [[0, 1, 2], [3, 4, 6], [7], [100]]
    first = next(each for each in executions(database) if each["trigger"]["offset"] == 0 and each["trigger"]["partition"] == 0)
    assert {name: first["trigger"][name] for name in ("offset", "last_offset", "count", "partition")} == {
        "offset": 0, "last_offset": 2, "count": 3, "partition": 0,
    }  # fmt: skip
    entry = first["input"][0]
    assert (entry["value"], entry["key"], entry["headers"], entry["offset"]) == (0, "k", {"h": "v"}, 0)
    assert row(database, trigger_id)["last_fired_at"] is not None


def test_batches_cut_differently_at_each_delivery_hold_each_record_once(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders", batch={"max_records": 7})
    everything, chance = [record(n, n) for n in range(60)], random.Random(7)
    threads = []
    for _ in range(12):
        begin = chance.randrange(60)
        event = msk_event(*everything[begin : begin + chance.randrange(1, 40)])
        threads.append(threading.Thread(target=handler, args=(event, None)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler(msk_event(*everything), None)
    held = [value for batch in values(database) for value in batch]
    assert sorted(held) == list(range(60))
    assert all(len(batch) <= 7 for batch in values(database))


def test_what_spoils_a_batch_stands_alone(database: Database) -> None:
    schema = {"type": "array", "items": {"properties": {"value": {"type": "integer"}}}}
    workflow = published(database, definition({"id": "done", "type": "stop", "config": {}}, input_schema=schema))
    kafka_trigger(database, workflow, "orders", batch={"max_records": 8})
    handler(msk_event(*(record("bad" if n == 5 else n, n) for n in range(8))), None)
    assert sorted(value for batch in values(database) for value in batch) == [0, 1, 2, 3, 4, 6, 7]
    (letter,) = database.execute("SELECT * FROM dead_letters")
    assert (letter["record_offset"], letter["code"]) == (5, "validation_failed")


def test_a_replay_of_a_batchs_record_is_a_batch_of_one(database: Database, workflow: Published) -> None:
    kafka_trigger(database, workflow, "orders", batch={"max_records": 8}, value="json")
    handler(msk_event(record(b"{", 0), record(1, 1)), None)
    letter = database.one("SELECT id FROM dead_letters")
    database.execute("""UPDATE triggers SET config = replace(config, '"json"', '"text"')""")
    with transaction() as connection:
        replayed = dead_letters.replay(connection, DEFAULT_WORKSPACE, letter["id"], now=row_now(database))
    assert json.loads(database.one("SELECT input FROM executions WHERE id = %(id)s", id=replayed["execution_id"])["input"])[0]["value"] == "{"


def row_now(database: Database) -> Any:
    return database.one("SELECT now() AS now")["now"]


def test_poison_may_be_passed_over_with_a_count(database: Database, workflow: Published) -> None:
    trigger_id = kafka_trigger(database, workflow, "orders", on_poison="skip")
    answer = handler(msk_event(record(0, 0), record(b"{", 1), record(2, 2)), None)
    assert (inputs(database), failures(answer)) == ([0, 2], [])
    assert database.execute("SELECT 1 FROM dead_letters") == []
    assert row(database, trigger_id)["skipped_records"] == 1


@pytest.mark.parametrize("batch", [None, {"max_records": 2}])
def test_a_trigger_may_stop_in_front_of_poison(database: Database, workflow: Published, batch: Any) -> None:
    extra = {} if batch is None else {"batch": batch}
    trigger_id = kafka_trigger(database, workflow, "orders", on_poison="pause", **extra)
    event = msk_event(record(0, 0), record(b"{", 1), record(2, 2), record(7, 5, partition=1))
    answer = handler(event, None)
    assert failures(answer) == [("orders-0", 1)]
    flat = [value for found in inputs(database) for value in ([found] if batch is None else [entry["value"] for entry in found])]
    assert sorted(flat) == [0, 7]
    paused = row(database, trigger_id)
    assert paused["paused_at"] is not None
    assert "in front of a record" in paused["unhealthy_reason"]
    with transaction() as connection:
        assert plan_of(subscriptions(connection)) == {}
        shown = service.show(service.get(connection, DEFAULT_WORKSPACE, trigger_id))
        assert (shown["state"], shown["paused_at"] is not None) == ("unhealthy", True)
    assert failures(handler(event, None)) == [("orders-0", 0), ("orders-1", 5)]
    assert len(executions(database)) == 2
    with transaction() as connection:
        resumed = service.patch(connection, DEFAULT_WORKSPACE, trigger_id, {"enabled": True})
        assert (resumed["unhealthy_reason"], resumed["paused_at"]) == (None, None)
        assert plan_of(subscriptions(connection)) != {}
    database.execute("""UPDATE triggers SET config = replace(config, '"pause"', '"skip"')""")
    assert failures(handler(event, None)) == []
    flat = [value for found in inputs(database) for value in ([found] if batch is None else [entry["value"] for entry in found])]
    assert sorted(flat) == [0, 2, 7]
    changes = database.execute("SELECT state FROM trigger_health ORDER BY id")
    assert [change["state"] for change in changes] == ["unhealthy", "healthy"]


def test_a_trigger_may_pause_after_failures_in_a_row(database: Database, workflow: Published) -> None:
    trigger_id = kafka_trigger(database, workflow, "orders", pause_after=4)
    bad = [record(b"{", n) for n in range(20)]
    handler(msk_event(bad[0], bad[1], bad[2]), None)
    assert row(database, trigger_id)["failures_in_a_row"] == 3
    handler(msk_event(bad[3], record(1, 4)), None)  # a good one in time
    assert (row(database, trigger_id)["failures_in_a_row"], row(database, trigger_id)["paused_at"]) == (0, None)
    handler(msk_event(record(1, 5), bad[6], bad[7]), None)
    assert row(database, trigger_id)["failures_in_a_row"] == 2
    answer = handler(msk_event(bad[8], bad[9]), None)
    paused = row(database, trigger_id)
    assert (paused["failures_in_a_row"], paused["paused_at"] is not None, failures(answer)) == (4, True, [])
    assert "paused: 4 records in a row" in paused["unhealthy_reason"]
    assert database.one("SELECT count(*) AS n FROM dead_letters")["n"] == 8
    assert failures(handler(msk_event(record(2, 10)), None)) == [("orders-0", 10)]
    with transaction() as connection:
        service.patch(connection, DEFAULT_WORKSPACE, trigger_id, {"enabled": True})
    assert failures(handler(msk_event(record(2, 10)), None)) == []
    assert (row(database, trigger_id)["failures_in_a_row"], inputs(database)) == (0, [1, 1, 2])


def test_a_paused_trigger_does_not_hold_up_others_of_its_topic(database: Database, workflow: Published) -> None:
    paused = kafka_trigger(database, workflow, "orders", group="shared")
    kafka_trigger(database, workflow, "orders", group="shared")
    kafka_trigger(database, workflow, "other", group="shared")
    database.execute("UPDATE triggers SET paused_at = now() WHERE id = %(id)s", {"id": paused})
    with transaction() as connection:
        assert list(plan_of(subscriptions(connection))["shared"]) == ["other"]
    assert failures(handler(msk_event(record(1, 0)), None)) == [("orders-0", 0)]
    assert len(executions(database)) == 1

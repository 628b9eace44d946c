"""The event a reader builds, and what it makes of the answer."""

from __future__ import annotations

from typing import Any

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from chalicelib.triggers.kafka_records import Record, records_of
from infra.host.kafka_reader import event_of, positions_after

ORDERS = TopicPartition("orders", 0)
PAYMENTS = TopicPartition("pay-ments", 3)


def consumed(offset: int, **fields: Any) -> ConsumerRecord:
    known = {"topic": "orders", "partition": 0, "leader_epoch": 0, "offset": offset, "timestamp": 5, "timestamp_type": 0, "key": None, "value": b"1",
             "headers": [], "checksum": None, "serialized_key_size": -1, "serialized_value_size": 1, "serialized_header_size": -1}  # fmt: skip
    return ConsumerRecord(**{**known, **fields})


def test_the_event_holds_what_the_consumer_read() -> None:
    batch = {
        ORDERS: [
            consumed(4, key=b"\xff", value=None, headers=[("h", b"\x80"), ("n", None)]),
            consumed(5, timestamp_type=1, timestamp=9),
        ]
    }
    event = event_of(batch, "one:9092,two:9092", "shop")
    assert event["eventSource"] == "SelfManagedKafka"
    assert event["bootstrapServers"] == "one:9092,two:9092"
    assert event["millrace"] == {"group": "shop"}
    assert list(event["records"]) == ["orders-0"]
    assert list(records_of(event)) == [
        Record("orders", 0, 4, 5, "CREATE_TIME", b"\xff", None, (("h", b"\x80"), ("n", None))),
        Record("orders", 0, 5, 9, "LOG_APPEND_TIME", None, b"1", ()),
    ]


def test_a_batch_without_failures_moves_on_behind_its_last_record() -> None:
    assert positions_after({ORDERS: [consumed(4), consumed(9)], PAYMENTS: [consumed(1)]}, []) == {ORDERS: 10, PAYMENTS: 2}


def test_failures_are_read_again_from_the_first_of_each_partition() -> None:
    failures = [{"itemIdentifier": {"partition": "pay-ments-3", "offset": offset}} for offset in (8, 6)]
    assert positions_after({ORDERS: [consumed(4)], PAYMENTS: [consumed(5), consumed(6), consumed(8)]}, failures) == {
        ORDERS: 5,
        PAYMENTS: 6,
    }


@pytest.mark.parametrize("item", ["orders-0:4", {"partition": "other-0", "offset": 4}, {"partition": "orders-0"}, None])
def test_an_answer_of_another_form_is_no_success(item: Any) -> None:
    with pytest.raises((KeyError, TypeError)):
        positions_after({ORDERS: [consumed(4)]}, [{"itemIdentifier": item}])

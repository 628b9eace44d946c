"""Kafka's records as Lambda's events: the shape, the batches, the positions."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from millrace_localstack.kafka_events import Record, Source, batches, ends, event, servers_of, starting_ms, starts
from tests.contract.recorded import recorded


@dataclass(frozen=True)
class Kept:
    """A record as kafka-python returns it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = b"{}"
    timestamp: int = 1795396801000
    timestamp_type: int = 0
    headers: Sequence[tuple[str, bytes | None]] = ()


def test_the_event_is_the_one_that_aws_sends() -> None:
    wanted = recorded("self_managed_kafka")
    sent = wanted["records"]["orders-0"][0]
    record = Kept("orders", 0, 20, base64.b64decode(sent["key"]), base64.b64decode(sent["value"]), headers=[("content-type", b"application/json")])
    assert event(Source(tuple(wanted["bootstrapServers"].split(","))), [record]) == wanted


def test_a_cluster_names_itself() -> None:
    made = event(Source(("b-1:9098",), "arn:aws:kafka:x:1:cluster/a/b"), [Kept("t", 0, 1), Kept("t", 1, 1), Kept("t", 0, 2)])
    assert made["eventSource"] == "aws:kafka"
    assert made["eventSourceArn"] == "arn:aws:kafka:x:1:cluster/a/b"
    assert {name: [each["offset"] for each in records] for name, records in made["records"].items()} == {"t-0": [1, 2], "t-1": [1]}


def test_tombstones_keys_and_headers_that_are_not_there() -> None:
    (record,) = event(Source(("b",)), [Kept("t", 0, 1, None, None, timestamp_type=1, headers=[("h", None)])])["records"]["t-0"]
    assert record["value"] is None
    assert "key" not in record
    assert record["headers"] == [{"h": []}]
    assert record["timestampType"] == "LOG_APPEND_TIME"


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [
        ([1, 1, 1], 2, [2, 1]),
        ([1, 1, 1], 9, [3]),
        ([], 9, []),
        ([600, 600, 600], 9, [1, 1, 1]),
        ([100, 100, 5000, 100], 9, [2, 1, 1]),
    ],
    ids=["count", "all", "none", "bytes", "one larger than allowed"],
)
def test_batches_are_cut_by_count_and_by_size(sizes: list[int], most: int, expected: list[int]) -> None:
    records = [Kept("t", 0, n, value=b"x" * size) for n, size in enumerate(sizes)]
    made = list(batches(records, most, most_bytes=1500))
    assert [len(batch) for batch in made] == expected
    assert [record for batch in made for record in batch] == records


def test_a_batch_never_outgrows_what_it_was_weighed_at() -> None:
    records: list[Record] = [Kept("t", 0, n, b"k" * n, b"v" * n * 7, headers=[("h" * 9, bytes([255] * n))]) for n in range(400)]
    for batch in batches(records, 500, most_bytes=50_000):
        assert len(batch) == 1 or len(json.dumps(event(Source(("b",)), batch))) <= 50_300


def test_positions_to_go_back_to_and_to_commit() -> None:
    records = [Kept("t", 0, 5), Kept("t", 1, 9), Kept("t", 0, 8)]
    assert starts(records) == {("t", 0): 5, ("t", 1): 9}
    assert ends(records) == {("t", 0): 9, ("t", 1): 10}


def test_where_the_brokers_are() -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "KafkaBootstrapServers"):
        assert servers_of({"SelfManagedEventSource": {"Endpoints": {name: ["a:1", "b:2"]}}}, "m:3") == ("a:1", "b:2")
    assert servers_of({"EventSourceArn": "arn:…"}, "m:3, n:4") == ("m:3", "n:4")


def test_where_a_mapping_starts() -> None:
    at = datetime(2026, 11, 24, 9, 0, 0, 250_000, tzinfo=UTC)
    assert starting_ms({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": at}) == 1795510800250
    assert starting_ms({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": "1795510800.25"}) == 1795510800250
    assert starting_ms({"StartingPosition": "LATEST"}) is None
    assert starting_ms({}) is None

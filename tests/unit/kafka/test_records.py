"""What an execution sees of a record, and that nothing of it is lost."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.errors import BadRequest, InvalidJson, MillraceError, PayloadTooLarge, ValidationFailed
from chalicelib.triggers.kafka_records import (
    MAX_VALUE_BYTES,
    Record,
    as_event_record,
    input_of,
    record_of,
    records_of,
    trigger_context,
)

MSK_EVENT = json.loads(Path(__file__).with_name("msk_event.json").read_text())


def record(value: bytes | None, *headers: tuple[str, bytes | None], key: bytes | None = None) -> Record:
    return Record("t", 0, 7, 1545084650987, "CREATE_TIME", key, value, headers)


def opaque(data: bytes, content_type: str = "application/octet-stream") -> dict[str, str]:
    return {"content_type": content_type, "base64": base64.b64encode(data).decode()}


def test_the_msk_event_is_read_in_order() -> None:
    first, tombstone, text = records_of(MSK_EVENT)
    assert (first.topic, first.partition, first.offset, first.key) == ("orders", 0, 15, b"customer-7")
    assert input_of(first) == {"order": 17, "total": 129.9}
    assert first.headers == (("source", b"shop"), ("raw", b"\xff\x00\x7f"), ("none", None))
    assert first.dedupe_key == "orders/0/15/1545084650987"
    assert tombstone.value is None
    assert input_of(tombstone) is None
    assert (text.partition, text.key, input_of(text)) == (1, None, "plain text")


def test_a_self_managed_event_is_read_the_same() -> None:
    event = {**MSK_EVENT, "eventSource": "SelfManagedKafka"}
    assert list(records_of(event)) == list(records_of(MSK_EVENT))


@pytest.mark.parametrize("event", [{}, {"eventSource": "aws:sqs", "records": {}}, {"eventSource": "aws:kafka"}, {"Records": []}])
def test_events_of_other_sources_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        list(records_of(event))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (b"", ""),
        (b'{"a": [1, 2.5, null, "x"]}', {"a": [1, 2.5, None, "x"]}),
        (b"  [1]\n", [1]),
        (b"42", 42),
        (b'"quoted"', "quoted"),
        (b"hello", "hello"),
        (b"007", "007"),
        (b"NaN", "NaN"),
        ("grüße 🚀".encode(), "grüße 🚀"),
        (b"two\nlines\tand a tab\r\n", "two\nlines\tand a tab\r\n"),
        (b"\xff\xfe", opaque(b"\xff\xfe")),
        (b"\x00\x00\x00\x00\x05Ab", opaque(b"\x00\x00\x00\x00\x05Ab")),  # Avro's frame is valid UTF-8 by accident
        (b'"a\\u0000b"', "a\x00b"),
    ],
)
def test_values_without_a_content_type(value: bytes | None, expected: Any) -> None:
    assert input_of(record(value)) == expected


@pytest.mark.parametrize(
    ("content_type", "value", "expected"),
    [
        (b"application/json", b"42", 42),
        (b"application/vnd.order+json; charset=utf-8", b'{"a":1}', {"a": 1}),
        (b"text/plain", b'{"a":1}', '{"a":1}'),
        (b"text/plain", b"{not json", "{not json"),
        (b"TEXT/CSV; header=present", b"a,b", "a,b"),
        (b"text/plain", b"\xff", opaque(b"\xff", "text/plain")),
        (b"application/avro", b'{"a":1}', opaque(b'{"a":1}', "application/avro")),
    ],
)
def test_a_content_type_header_decides(content_type: bytes, value: bytes, expected: Any) -> None:
    assert input_of(record(value, ("Content-Type", content_type))) == expected


def test_of_two_content_types_the_last_counts() -> None:
    headers = (("content-type", b"application/json"), ("Content-Type", b"text/plain"))
    assert input_of(record(b"42", *headers)) == "42"


@pytest.mark.parametrize(
    ("value", "headers", "error"),
    [
        (b'{"a": ', (), InvalidJson),
        (b"[1, 2", (), InvalidJson),
        (b'{"a": NaN}', (), InvalidJson),
        (b"hello", (("content-type", b"application/json"),), InvalidJson),
        (b"\xff\xfe", (("content-type", b"application/json"),), InvalidJson),
        (b"[" * 5000 + b"]" * 5000, (), ValidationFailed),
        (b"18446744073709551616", (), ValidationFailed),  # a string for large numbers and a number for small ones would be a trap
        (b"1e999", (), ValidationFailed),
        (b'"' + b"x" * MAX_VALUE_BYTES + b'"', (), PayloadTooLarge),
    ],
)
def test_what_cannot_become_an_input(value: bytes, headers: tuple[tuple[str, bytes], ...], error: type[MillraceError]) -> None:
    with pytest.raises(error):
        input_of(record(value, *headers))


def test_the_largest_value_is_taken() -> None:
    value = b'"' + b"x" * (MAX_VALUE_BYTES - 2) + b'"'
    assert len(input_of(record(value))) == MAX_VALUE_BYTES - 2


def test_the_trigger_context() -> None:
    first, *_ = records_of(MSK_EVENT)
    assert trigger_context("trg_x", first) == {
        "type": "kafka",
        "id": "trg_x",
        "topic": "orders",
        "partition": 0,
        "offset": 15,
        "timestamp": "2018-12-17T22:10:50.987000Z",
        "key": "customer-7",
        "headers": {"source": "shop", "raw": opaque(b"\xff\x00\x7f"), "none": None},
    }


@pytest.mark.parametrize("milliseconds", [-1, 10**18])
def test_a_record_without_a_time_that_can_be_written(milliseconds: int) -> None:
    odd = Record("t", 0, 0, milliseconds, "NO_TIMESTAMP_TYPE", None, b"1", ())
    assert trigger_context("trg_x", odd)["timestamp"] is None


def test_a_record_survives_the_way_to_a_dead_letter_and_back() -> None:
    kept = record(b"\x00\xff{", ("a", b"\x80"), ("a", None), key=b"\xfe")
    assert record_of(json.loads(json.dumps(as_event_record(kept)))) == kept

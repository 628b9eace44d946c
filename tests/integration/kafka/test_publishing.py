"""kafka.publish from many executions of one worker to a real broker: raw bytes arrive as they are, and the messages share batches."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from chalicelib.core.config import Settings
from chalicelib.core.kafka_publisher import close_publishers, publisher
from tests.support.kafka_triggers import Broker, eventually
from tests.support.workflows import Database, definition, published, started

pytestmark = pytest.mark.kafka


def test_executions_publish_in_shared_batches_and_each_learns_its_place(database: Database, settings: Settings, broker: Broker, engine: Any) -> None:
    topic = broker.topic()
    config = {
        "topic": topic,
        "key": "{{ execution.id }}",
        "value": "{{ input.payload }}",
        "value_format": "base64",
        "headers": {"raw": {"base64": "AP8="}},
    }
    body = published(database, definition({"id": "send", "type": "kafka.publish", "config": config}))
    ids = [started(database, body, {"n": n, "payload": base64.b64encode(bytes([0, 255, n])).decode()}) for n in range(60)]
    try:
        ended = engine.until_ended(*ids, seconds=60)
        metrics = publisher(settings)._producer.metrics()["producer-metrics"]
    finally:
        close_publishers()
    assert {row["status"] for row in ended} == {"succeeded"}
    places = {row["output"]["send"]["offset"]: row for row in ended}
    assert sorted(places) == list(range(60))  # each its own place, none twice
    assert metrics["records-per-request-avg"] > 1.5

    consumer = KafkaConsumer(bootstrap_servers=broker.servers, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    read: dict[int, Any] = {}
    eventually(lambda: read.update({record.offset: record for records in consumer.poll(timeout_ms=500).values() for record in records}) or len(read) == 60)
    consumer.close()
    for offset, row in places.items():
        record = read[offset]
        assert record.value == bytes([0, 255, row["input"]["n"]])
        assert record.key == row["id"].encode()
        assert record.headers == [("raw", b"\x00\xff"), ("Idempotency-Key", f"{row['id']}.send".encode())]

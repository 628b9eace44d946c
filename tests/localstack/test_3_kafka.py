"""Kafka's records start executions, through Lambda's event source mapping; a poison record blocks nobody."""

from __future__ import annotations

import json
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from tests.localstack.stack import Stack, wait_for
from tests.support.workflows import definition

ORDER = definition(
    {"id": "total", "type": "transform", "config": {"assign": {"cents": "int(input.total * 100.0)"}}},
    input_schema={"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}},
)


def publish(stack: Stack, *values: bytes) -> list[int]:
    """Records with these values; returns their offsets."""
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_bootstrap_servers)
    try:
        return [producer.send(stack.topic, value=value, key=b"k", headers=[("source", b"test")]).get(30).offset for value in values]
    finally:
        producer.close()


def committed(stack: Stack) -> int:
    """The position of the mapping's consumer group."""
    admin = KafkaAdminClient(bootstrap_servers=stack.settings.kafka_bootstrap_servers)
    try:
        offsets: dict[Any, Any] = admin.list_group_offsets({stack.deployment.stack: None})[stack.deployment.stack]
        return int(offsets.get(TopicPartition(stack.topic, 0)).offset) if TopicPartition(stack.topic, 0) in offsets else -1
    finally:
        admin.close()


def test_records_become_executions_and_poison_blocks_nobody(stack: Stack) -> None:
    (mapping,) = stack.aws("lambda").list_event_source_mappings(FunctionName=stack.function_name("kafka"))["EventSourceMappings"]
    assert (mapping["State"], mapping["Topics"]) == ("Enabled", [stack.topic])
    workflow = stack.publish(ORDER)
    trigger = stack.trigger(workflow, "kafka", topic=stack.topic)

    offsets = publish(stack, b'{"total": 1.5}', b"\xff not JSON", b'{"total": "not a number"}', b'{"total": 2.5}')
    found = [stack.ended(each["id"]) for each in stack.executions(workflow, at_least=2)]
    by_offset = {each["trigger"]["offset"]: each for each in found}
    assert set(by_offset) == {offsets[0], offsets[3]}
    assert [by_offset[offset]["output"] for offset in sorted(by_offset)] == [{"total": {"cents": 150}}, {"total": {"cents": 250}}]
    seen = by_offset[offsets[0]]["trigger"]
    assert (seen["topic"], seen["partition"], seen["key"], seen["headers"]) == (stack.topic, 0, "k", {"source": "test"})

    letters = wait_for(lambda: stack.api("GET", "/dead-letters")["items"], lambda items: len(items) >= 2)
    assert {(each["topic"], each["offset"]) for each in letters} == {(stack.topic, offsets[1]), (stack.topic, offsets[2])}
    assert {each["trigger_id"] for each in letters} <= {trigger["id"], None}
    wait_for(lambda: committed(stack), lambda position: position == offsets[3] + 1)

    # What comes after is not held up, and nothing came twice.
    (after,) = publish(stack, json.dumps({"total": 3}).encode())
    everything = stack.executions(workflow, at_least=3)
    assert sorted(each["trigger"]["offset"] for each in everything) == [offsets[0], offsets[3], after]

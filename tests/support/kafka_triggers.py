"""Kafka triggers in tests: events as Lambda sends them, topics and messages on a real broker, and a poller that runs for a while."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from chalicelib.core.config import DEFAULT_WORKSPACE, Settings
from chalicelib.core.ids import new_id
from chalicelib.triggers.kafka_records import Record, as_event_record
from functions.kafka import handler
from infra.host.kafka_poller import KafkaPoller
from tests.support.workflows import Database, Published


def kafka_trigger(
    database: Database, workflow: Published, topic: str, *, mapping: Any = None, enabled: bool = True, **config: Any
) -> str:
    """A Kafka trigger; returns its id."""
    trigger_id = new_id("trg")
    database.execute(
        """INSERT INTO triggers (id, workspace_id, workflow_id, type, config, input, topic, enabled)
           VALUES (%(id)s, %(ws)s, %(wf)s, 'kafka', %(config)s, %(input)s, %(topic)s, %(enabled)s)""",
        {
            "id": trigger_id,
            "ws": DEFAULT_WORKSPACE,
            "wf": workflow.workflow_id,
            "config": json.dumps({"topic": topic, "start": "latest", **config}),
            "input": None if mapping is None else json.dumps(mapping),
            "topic": topic,
            "enabled": enabled,
        },
    )
    return trigger_id


def record(
    value: Any, offset: int = 0, *, topic: str = "orders", partition: int = 0, timestamp: int = 1_795_000_000_000, **fields: Any
) -> Record:
    """A record; values that are not bytes become JSON."""
    return Record(topic, partition, offset, timestamp, "CREATE_TIME", fields.get("key"), as_bytes(value), fields.get("headers", ()))


def as_bytes(value: Any) -> bytes | None:
    """Bytes and None as they are, anything else as JSON."""
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()


def msk_event(*records: Record, **more: Any) -> dict[str, Any]:
    """What Lambda sends for these records."""
    by_partition: dict[str, list[dict[str, Any]]] = {}
    for each in records:
        by_partition.setdefault(f"{each.topic}-{each.partition}", []).append(as_event_record(each))
    arn = "arn:aws:kafka:eu-central-1:123456789012:cluster/test/1"
    return {"eventSource": "aws:kafka", "eventSourceArn": arn, "bootstrapServers": "b-1:9092", "records": by_partition, **more}


def executions(database: Database) -> list[dict[str, Any]]:
    """All executions with their payloads parsed, in the order of topic, partition and offset."""
    rows = database.execute("SELECT * FROM executions")
    found = [{**row, "trigger": json.loads(row["trigger"]), "input": json.loads(row["input"])} for row in rows]
    return sorted(
        found, key=lambda row: (row["trigger"]["topic"], row["trigger"]["partition"], row["trigger"]["offset"], row["trigger_id"])
    )


def inputs(database: Database) -> list[Any]:
    """The inputs of all executions, in the same order."""
    return [row["input"] for row in executions(database)]


class Broker:
    """The test's broker: topics of its own, and messages."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self._producer: Any = None

    def topic(self, partitions: int = 1) -> str:
        """A new topic."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        self.create(name, partitions)
        return name

    def create(self, name: str, partitions: int = 1) -> None:
        """Create a topic and wait until it can be written."""
        with KafkaAdminClient(bootstrap_servers=self.servers) as admin:
            admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1)])
        self.producer.partitions_for(name)

    @property
    def producer(self) -> Any:
        """A producer of the test's own."""
        if self._producer is None:
            self._producer = KafkaProducer(bootstrap_servers=self.servers, acks="all")
        return self._producer

    def send(self, topic: str, *values: Any, **fields: Any) -> None:
        """Publish, and wait for the confirmations. Values that are not bytes become JSON."""
        for future in [self.producer.send(topic, value=as_bytes(value), **fields) for value in values]:
            future.get(20)

    def close(self) -> None:
        """Let go of the producer."""
        if self._producer is not None:
            self._producer.close(timeout=2)


@contextmanager
def polling(settings: Settings, handle: Callable[[Mapping[str, Any], Any], Any] = handler) -> Iterator[KafkaPoller]:
    """A poller that runs until the end of the block."""
    poller, stop = KafkaPoller(settings, handle, refresh_seconds=0.2), threading.Event()
    thread = threading.Thread(target=poller.run, args=(stop,))
    thread.start()
    try:
        yield poller
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def eventually(check: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until `check` answers something true; returns it. The limit is for hanging, not for speed."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        time.sleep(0.05)
    return answer

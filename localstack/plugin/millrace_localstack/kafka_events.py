"""Records of Kafka as Lambda's event: which go together, and what the function sees of them. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

EVENT_BYTES = 5_500_000  # Lambda takes 6 MB of JSON in one event


class Record(Protocol):
    """What a consumer returns."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Source:
    """Where events come from. `arn` is the MSK cluster's; None for brokers by name."""

    servers: tuple[str, ...]
    arn: str | None = None


def batches(records: Iterable[Record], most: int, most_bytes: int = EVENT_BYTES) -> Iterator[list[Record]]:
    """Records in their order, cut so that no batch has more than `most` or grows past `most_bytes` as JSON; one record alone may be larger."""
    batch: list[Record] = []
    size = 0
    for record in records:
        weight = _weight(record)
        if batch and (len(batch) == most or size + weight > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += weight
    if batch:
        yield batch


def _weight(record: Record) -> int:
    """About its size as JSON: base64 takes four bytes for three, a header's byte becomes a number of up to five signs."""
    headers = sum(len(name) + 10 + 5 * len(value or b"") for name, value in record.headers)
    return (len(record.key or b"") + len(record.value or b"")) * 4 // 3 + headers + 300


def event(source: Source, records: Iterable[Record]) -> dict[str, Any]:
    """The event for one invocation, in the shape of Amazon MSK's or of self-managed Kafka's."""
    by_partition: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_partition.setdefault(f"{record.topic}-{record.partition}", []).append(_record(record))
    origin = {"eventSource": "aws:kafka", "eventSourceArn": source.arn} if source.arn else {"eventSource": "SelfManagedKafka"}
    return {**origin, "bootstrapServers": ",".join(source.servers), "records": by_partition}


def _record(record: Record) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestampType": "LOG_APPEND_TIME" if record.timestamp_type == 1 else "CREATE_TIME",
        **({"key": _base64(record.key)} if record.key is not None else {}),
        "value": None if record.value is None else _base64(record.value),
        "headers": [{name: list(value or b"")} for name, value in record.headers],
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def starts(records: Iterable[Record]) -> dict[tuple[str, int], int]:
    """For each (topic, partition) the first offset: where to go back to when the batch was not taken."""
    first: dict[tuple[str, int], int] = {}
    for record in records:
        first.setdefault((record.topic, record.partition), record.offset)
    return first


def ends(records: Iterable[Record]) -> dict[tuple[str, int], int]:
    """For each (topic, partition) the offset after the last: what is committed when the batch was taken."""
    return {(record.topic, record.partition): record.offset + 1 for record in records}


def servers_of(mapping: Mapping[str, Any], msk_servers: str) -> tuple[str, ...]:
    """The brokers of an event source mapping: those it names, else `msk_servers` (host:port with commas) for a cluster's ARN.

    The API writes KAFKA_BOOTSTRAP_SERVERS, CloudFormation KafkaBootstrapServers, and LocalStack hands on what it was given.
    """
    endpoints = (mapping.get("SelfManagedEventSource") or {}).get("Endpoints") or {}
    named = endpoints.get("KAFKA_BOOTSTRAP_SERVERS") or endpoints.get("KafkaBootstrapServers")
    return tuple(named or [server.strip() for server in msk_servers.split(",") if server.strip()])


def starting_ms(mapping: Mapping[str, Any]) -> int | None:
    """The time a mapping starts at, in milliseconds since 1970; None when it starts at an end of the topic. The API hands on a datetime, CloudFormation seconds."""
    at = mapping.get("StartingPositionTimestamp") if mapping.get("StartingPosition") == "AT_TIMESTAMP" else None
    return None if at is None else int((at.timestamp() if isinstance(at, datetime) else float(at)) * 1000)

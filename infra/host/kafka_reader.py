"""One consumer group on the host: reads its topics, hands each batch to the Kafka handler as the event Lambda would send, commits afterwards.

Whatever happens (brokers away, database away, a rebalance, an error of the client) the reader goes on: it puts its position back, waits a little longer each
time, and tries again. A batch that was stored but not committed comes again and starts nothing.
"""

from __future__ import annotations

import base64
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import kafka.errors as client_errors
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from chalicelib.core.kafka import connect
from chalicelib.core.logging import logger
from chalicelib.triggers.kafka_plan import Topics, begin_at

Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]
Batch = Mapping[TopicPartition, Sequence[Any]]

POLL_MS = 500
MEASURE_SECONDS = 1.0
MAX_FAILURES = 10  # in a row, then a new client is made
REQUEST_MS = 10_000
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 5.0
CONSUMER = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",  # when what we would read next is no longer kept: the oldest there is, never silently the end
    "isolation_level": "read_committed",  # what a producer took back starts nothing
    "allow_auto_create_topics": False,
    "max_poll_records": 2_000,  # of one transaction; what each costs besides its records is shared by them
    "fetch_max_bytes": 16 * 1024 * 1024,
    "metadata_max_age_ms": 3_000,  # how soon new partitions are found
    "session_timeout_ms": 10_000,  # how long a killed poller keeps its partitions
    "heartbeat_interval_ms": 1_000,
    "request_timeout_ms": REQUEST_MS,
    "bootstrap_timeout_ms": 3_000,
    "reconnect_backoff_max_ms": 1_000,
    "metrics_enabled": False,
}
_TIMESTAMP_TYPES = {0: "CREATE_TIME", 1: "LOG_APPEND_TIME"}
# The group is being divided anew or moved on without us: the batch is stored, whoever has the partition now will meet duplicates.
_EXPECTED_OF_COMMIT = (
    client_errors.CommitFailedError,
    client_errors.RebalanceInProgressError,
    client_errors.IllegalGenerationError,
    client_errors.UnknownMemberIdError,
)


class _Ownership(ConsumerRebalanceListener):
    """Which partitions are ours and which of them wait for their first position: those stay paused. Called by the client's own thread."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._lock = threading.Lock()
        self._placed: set[TopicPartition] = set()
        self._fresh: set[TopicPartition] = set()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing to do: batches are handled between polls, and this happens within one."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """What we keep keeps its position; the rest is looked up before it is read."""
        with self._lock:
            self._placed &= set(assigned)
            self._fresh = set(assigned) - self._placed
            self._consumer.pause(*self._fresh)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Others may have read on from where we were."""
        with self._lock:
            self._placed -= set(lost)
            self._fresh -= set(lost)

    def fresh(self) -> list[TopicPartition]:
        """Partitions that are paused until they are placed."""
        with self._lock:
            return sorted(self._fresh)

    def placed(self, partitions: Iterable[TopicPartition]) -> None:
        """These may be read."""
        with self._lock:
            self._placed |= set(partitions) & self._fresh
            self._fresh -= set(partitions)
            self._consumer.resume(*partitions)


class GroupReader(threading.Thread):
    """The thread of one consumer group. `update` changes what it reads, `stop` asks it to leave the group and end."""

    def __init__(self, group: str, topics: Topics, options: Mapping[str, Any], handler: Handler) -> None:
        super().__init__(name=f"kafka-{group}", daemon=True)
        self.group = group
        self.trouble: str | None = "connecting"
        self.lag: dict[str, int] = {}
        self._topics, self._options, self._handler = topics, options, handler
        self._servers = ",".join(options["bootstrap_servers"])
        self._stopping = threading.Event()
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._troubled_since: float | None = None
        self._measured_at = 0.0
        self._missing: dict[str, float] = {}
        self._uncommitted: dict[TopicPartition, int] = {}

    def trouble_seconds(self, now: float) -> float:
        """For how long there has been trouble without a break; `now` in monotonic seconds."""
        return 0.0 if self._troubled_since is None else now - self._troubled_since

    def missing_for(self, seconds: float, now: float) -> list[str]:
        """Topics that the brokers have not had for so long; `now` in monotonic seconds. They are waited for."""
        return sorted(topic for topic, since in dict(self._missing).items() if now - since > seconds)

    def update(self, topics: Topics) -> None:
        """What the group's triggers want from now on."""
        self._topics = topics

    def stop(self) -> None:
        """Ask it to finish its batch, leave the group and end; `join` waits for it."""
        self._stopping.set()

    def run(self) -> None:
        """Read until stopped; never ends otherwise."""
        while not self._stopping.is_set():
            try:
                self._read()
            except Exception as error:  # whatever the client met: begin anew with a new one
                self._wait(f"Kafka: {_words(error)}")

    def _read(self) -> None:
        consumer = connect(KafkaConsumer, {**self._options, **CONSUMER, "group_id": self.group})
        try:
            ownership, failures = _Ownership(consumer), 0
            self._uncommitted = {}
            while not self._stopping.is_set():
                try:
                    self._round(consumer, ownership)
                    failures = 0
                except client_errors.RetriableError as error:  # the same client goes on, and with it our place in the group
                    failures += 1
                    if failures > MAX_FAILURES:
                        raise
                    self._wait(f"Kafka: {_words(error)}")
            self._commit(consumer, {})
        finally:
            with contextlib.suppress(Exception):
                consumer.close(autocommit=False, timeout_ms=2_000)

    def _round(self, consumer: Any, ownership: _Ownership) -> None:
        """Poll once. What was polled is handed over before anything else is asked of the brokers: an error would pass over it."""
        if consumer.subscription() != set(self._topics):
            consumer.subscribe(sorted(self._topics), listener=ownership)
        batch = consumer.poll(timeout_ms=POLL_MS)
        fresh = [partition for partition in ownership.fresh() if partition.topic in self._topics]
        still_ours = consumer.assignment() - set(fresh)
        self._uncommitted = {partition: position for partition, position in self._uncommitted.items() if partition in still_ours}
        if batch:
            self._deliver(consumer, batch)
        else:
            self._commit(consumer, {})
            self._went_well()
        if fresh:
            self._place(consumer, fresh)
            ownership.placed(fresh)
        self._measure(consumer)

    def _place(self, consumer: Any, fresh: Sequence[TopicPartition]) -> None:
        """Give each partition without a position its first one, and commit it, so that it holds from now on."""
        missing = [partition for partition in fresh if consumer.committed(partition, timeout_ms=REQUEST_MS) is None]
        if not missing:
            return
        seen = {topic: self._has_position(consumer, topic) for topic in {partition.topic for partition in missing}}
        times = {partition: begin_at(self._topics.get(partition.topic, ()), seen[partition.topic]) for partition in missing}
        first = first_offsets(consumer, times)
        for partition, offset in first.items():
            consumer.seek(partition, offset)
        self._commit(consumer, first)

    def _has_position(self, consumer: Any, topic: str) -> bool:
        partitions = (TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic))
        return any(consumer.committed(partition, timeout_ms=REQUEST_MS) is not None for partition in partitions)

    def _deliver(self, consumer: Any, batch: Batch) -> None:
        """Hand a batch over; on success move on, else put the position back and wait."""
        try:
            answer = self._handler(event_of(batch, self._servers, self.group), None)
            following = positions_after(batch, answer.get("batchItemFailures") or ())
        except Exception as error:  # nothing was stored: the same records come again
            for partition, records in batch.items():
                consumer.seek(partition, records[0].offset)
            self._wait(f"records cannot be stored: {_words(error)}")
            return
        complete = True
        for partition, position in following.items():
            if position <= batch[partition][-1].offset:
                complete = False
                consumer.seek(partition, position)
        self._commit(consumer, following)
        if complete:
            self._went_well()
        else:
            self._wait("some records are to be delivered again")

    def _commit(self, consumer: Any, positions: Mapping[TopicPartition, int]) -> None:
        """Commit these positions and those that could not be committed before. What fails is tried again on the next round, even if no record comes:
        left uncommitted in a quiet topic, records would come again long after their keys are forgotten.
        """
        self._uncommitted.update(positions)
        if not self._uncommitted:
            return
        offsets = {partition: OffsetAndMetadata(position, "", -1) for partition, position in self._uncommitted.items()}
        try:
            consumer.commit(offsets, timeout_ms=REQUEST_MS)
        except client_errors.KafkaError as error:
            if not isinstance(error, _EXPECTED_OF_COMMIT):
                logger("kafka").info("a position is not committed yet", group=self.group, error=type(error).__name__)
        else:
            self._uncommitted = {}

    def _measure(self, consumer: Any) -> None:
        if time.monotonic() - self._measured_at < MEASURE_SECONDS:
            return
        self._measured_at, lag = time.monotonic(), {}
        assigned = consumer.assignment()
        unseen = set(self._topics) - {partition.topic for partition in assigned}
        self._missing = {topic: self._missing.get(topic, self._measured_at) for topic in unseen if not consumer.partitions_for_topic(topic)}
        for partition in assigned:
            end = consumer.highwater(partition)
            if end is not None and partition not in consumer.paused():
                position = consumer.position(partition, timeout_ms=100)
                lag[f"{partition.topic}/{partition.partition}"] = max(0, end - (position or 0))
        self.lag = lag

    def _went_well(self) -> None:
        if self.trouble not in (None, "connecting"):
            logger("kafka").info("reading again", group=self.group)
        self.trouble, self._pause_seconds, self._troubled_since = None, FIRST_PAUSE_SECONDS, None

    def _wait(self, trouble: str) -> None:
        if trouble != self.trouble:
            logger("kafka").warning("trouble, trying again", group=self.group, trouble=trouble)
        self.trouble = trouble
        self._troubled_since = self._troubled_since or time.monotonic()
        self._stopping.wait(self._pause_seconds * random.uniform(0.8, 1.2))
        self._pause_seconds = min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS)


def first_offsets(consumer: Any, times: Mapping[TopicPartition, Any]) -> dict[TopicPartition, int]:
    """The offset of the first record at or after each partition's time (None: the oldest record).

    The ends are asked first: a record that arrives while we ask then lies behind the answer, not before it.
    """
    ends = consumer.end_offsets(list(times), timeout_ms=REQUEST_MS)
    from_start = [partition for partition, at in times.items() if at is None]
    oldest = consumer.beginning_offsets(from_start, timeout_ms=REQUEST_MS) if from_start else {}
    wanted = {partition: int(at.timestamp() * 1000) for partition, at in times.items() if at is not None}
    found = consumer.offsets_for_times(wanted, timeout_ms=REQUEST_MS) if wanted else {}
    later = {partition: found[partition].offset if found.get(partition) else ends[partition] for partition in wanted}
    return {**oldest, **later}


def event_of(batch: Batch, servers: str, group: str) -> dict[str, Any]:
    """The batch as Lambda's event for a self-managed Kafka, with the group it was read for."""
    records = {
        f"{partition.topic}-{partition.partition}": [_event_record(record) for record in held] for partition, held in batch.items()
    }
    return {"eventSource": "SelfManagedKafka", "bootstrapServers": servers, "records": records, "millrace": {"group": group}}


def positions_after(batch: Batch, failures: Iterable[Mapping[str, Any]]) -> dict[TopicPartition, int]:
    """Where to go on after a batch: behind its last record, or at the first one that is named as failed, as Lambda does.

    Raises KeyError or TypeError for an answer that is not of that form; it must not pass as success.
    """
    following = {partition: records[-1].offset + 1 for partition, records in batch.items()}
    by_name = {f"{partition.topic}-{partition.partition}": partition for partition in batch}
    for failure in failures:
        partition = by_name[failure["itemIdentifier"]["partition"]]
        following[partition] = min(following[partition], failure["itemIdentifier"]["offset"])
    return following


def _event_record(record: Any) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestampType": _TIMESTAMP_TYPES.get(record.timestamp_type, "NO_TIMESTAMP_TYPE"),
        "key": _base64(record.key),
        "value": _base64(record.value),
        "headers": [{name: None if value is None else list(value)} for name, value in record.headers],
    }


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _words(error: Exception) -> str:
    """The kind of error and its first line; statements and their parameters stay out."""
    kind, lines = type(error).__name__, str(getattr(error, "orig", None) or error).splitlines()
    return f"{kind}: {lines[0].removeprefix(kind + ': ')}"[:300] if lines else kind

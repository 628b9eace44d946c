"""Event source mappings that read Kafka, through the hook that LocalStack's open edition leaves for them.

One consumer for each mapping, owning every partition of its topic. Positions are committed to the mapping's consumer group after the function took a batch;
a batch whose function fails comes again, in order, until it is taken. Not as on AWS: plain connections only (no TLS, no SASL), no filters, no parallel
pollers, no destination for failed batches, no partial failures (batchItemFailures are not read), and MSK clusters are whatever MILLRACE_MSK_SERVERS names.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata
from localstack.services.lambda_.event_source_mapping.pollers.poller import Poller
from localstack.services.lambda_.hooks import create_event_source_poller, set_event_source_config_defaults

from millrace_localstack.kafka_events import Record, Source, batches, ends, event, servers_of, starting_ms, starts

LOG = logging.getLogger(__name__)

MSK_VARIABLE = "MILLRACE_MSK_SERVERS"
POLL_SECONDS = 0.5
PAUSE_SECONDS = 1.0  # after a failure, and until the topic exists
LOOK_AGAIN_SECONDS = 30.0  # for new partitions

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs each attempt to connect as an error


def _is_kafka(service: str, mapping: Mapping[str, Any]) -> bool:
    return service == "kafka" or bool(mapping.get("SelfManagedEventSource"))


@set_event_source_config_defaults()
def fill_defaults(parameters: dict[str, Any], request: Mapping[str, Any], service: str) -> None:
    """AWS's defaults for a mapping on Kafka."""
    if _is_kafka(service, request):
        parameters.update(BatchSize=100, MaximumBatchingWindowInSeconds=0)


@create_event_source_poller()
def offer_poller(holder: Any, service: str, mapping: Mapping[str, Any]) -> None:
    """Take on mappings on Kafka."""
    if _is_kafka(service, mapping):
        holder.create_poller_fn = lambda arn=None, client=None, processor=None: KafkaPoller(mapping, arn or None, processor)


class KafkaPoller(Poller):
    """LocalStack calls `poll_events` again and again in a thread of the mapping's own. It must never raise: LocalStack's loop would end on it."""

    def __init__(self, mapping: Mapping[str, Any], arn: str | None, processor: Any) -> None:
        super().__init__(source_parameters={}, processor=processor)
        processor.sender.payload_dict = False  # else the event is wrapped in {"Records": …}
        self._mapping = mapping
        self._source = Source(servers_of(mapping, os.environ.get(MSK_VARIABLE, "")), arn)
        self._consumer: Any = None
        self._looked_at = 0.0
        self._looked = False  # at least once: what is found from then on is new

    def event_source(self) -> str:
        """As LocalStack names it."""
        return "aws:kafka" if self._source.arn else "SelfManagedKafka"

    def poll_events(self) -> None:
        """One round: whatever is there, handed to the function in batches."""
        try:
            if self._ready():
                self._hand_over(self._gather())
                return
        except Exception:
            LOG.warning("reading %s from Kafka failed; trying again", self._mapping["Topics"], exc_info=True)
            self.close()
        time.sleep(PAUSE_SECONDS)

    def close(self) -> None:
        """Leave. The next round would begin anew, at the committed positions."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                consumer.close(autocommit=False)
            except Exception:
                LOG.debug("closing the consumer failed", exc_info=True)

    def _ready(self) -> bool:
        """Whether there is a consumer with partitions to read; connects, and looks for new partitions now and then."""
        if self._consumer is None:
            self._consumer, self._looked_at = self._connect(), 0.0
        if time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS or not self._consumer.assignment():
            found = {TopicPartition(topic, n) for topic in self._mapping["Topics"] for n in self._consumer.partitions_for_topic(topic) or ()}
            fresh = found - self._consumer.assignment()
            if fresh:
                self._consumer.assign(sorted(found))
                for partition in fresh:
                    self._settle(partition)
            self._looked, self._looked_at = True, time.monotonic()
        return bool(self._consumer.assignment())

    def _settle(self, partition: TopicPartition) -> None:
        """Give a partition its first position and keep it, so that nothing is passed over between this and the first batch, whatever happens.

        LATEST means: from when the mapping began. A partition that came later is read from its beginning. AT_TIMESTAMP: from the first record at or after it.
        """
        if self._consumer.committed(partition) is None:
            if (since := starting_ms(self._mapping)) is not None:
                self._seek_to(partition, since)
            elif self._looked:
                self._consumer.seek_to_beginning(partition)
            self._consumer.commit({partition: OffsetAndMetadata(self._consumer.position(partition), "", -1)})

    def _seek_to(self, partition: TopicPartition, since: int) -> None:
        """The end is asked first, so that a record that comes in between lies behind the answer."""
        end = self._consumer.end_offsets([partition])[partition]
        found = self._consumer.offsets_for_times({partition: since})[partition]
        self._consumer.seek(partition, end if found is None else found.offset)

    def _connect(self) -> Any:
        settings = self._mapping.get("AmazonManagedKafkaEventSourceConfig") or self._mapping.get("SelfManagedKafkaEventSourceConfig") or {}
        consumer = KafkaConsumer(
            bootstrap_servers=list(self._source.servers),
            group_id=settings.get("ConsumerGroupId") or self._mapping["UUID"],
            enable_auto_commit=False,
            max_poll_records=self._mapping["BatchSize"],
            auto_offset_reset="latest" if self._mapping.get("StartingPosition") == "LATEST" else "earliest",
            metadata_max_age_ms=int(LOOK_AGAIN_SECONDS * 1000),
        )
        consumer._client.cluster.config["allow_auto_create_topics"] = False  # accepted as an option by kafka-python 3.0.12, but not passed on
        return consumer

    def _gather(self) -> list[Record]:
        """Up to a batch of records: those that are there, then what comes within the mapping's window."""
        gathered: list[Record] = []
        until: float | None = None
        while len(gathered) < self._mapping["BatchSize"]:
            left = POLL_SECONDS if until is None else until - time.monotonic()
            if left < 0:
                break
            for records in self._consumer.poll(timeout_ms=int(min(left, POLL_SECONDS) * 1000)).values():
                gathered.extend(records)
            if until is None:
                if not gathered:
                    break
                until = time.monotonic() + self._mapping.get("MaximumBatchingWindowInSeconds", 0)
        return gathered

    def _hand_over(self, records: list[Record]) -> None:
        """All batches, each committed once taken. After a failure the consumer stands at the first record that was not."""
        waiting = list(records)
        for batch in batches(records, self._mapping["BatchSize"]):
            try:
                self.processor.process_events_batch(event(self._source, batch))
            except Exception as failure:
                LOG.warning("a batch of %d records was not taken, it comes again: %s", len(batch), failure)
                for (topic, partition), offset in starts(waiting).items():
                    self._consumer.seek(TopicPartition(topic, partition), offset)
                time.sleep(PAUSE_SECONDS)
                return
            self._commit(batch)
            waiting = waiting[len(batch) :]

    def _commit(self, batch: list[Record]) -> None:
        self._consumer.commit({TopicPartition(*at): OffsetAndMetadata(offset, "", -1) for at, offset in ends(batch).items()})

"""Kafka on a real broker: from a published message to one execution, whatever happens in between, and kafka.publish with its confirmations."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError, RebalanceInProgressError
from kafka.structs import OffsetAndMetadata

from chalicelib.actions.kafka_publish import KafkaPublishConfig, run
from chalicelib.core import kafka as kafka_clients
from chalicelib.core.config import DEFAULT_WORKSPACE, Settings
from chalicelib.core.db import transaction
from chalicelib.core.jsontext import dumps
from chalicelib.core.kafka import kafka_health
from chalicelib.core.kafka_publisher import Publisher, close_publishers
from chalicelib.registry.spec import ActionError, NodeContext
from chalicelib.triggers import service
from chalicelib.triggers.kafka_readers import reading
from functions.kafka import handler
from infra.host import kafka_poller
from infra.host.servers import run_alone
from infra.host.servers.kafka import Kafka
from infra.host.web.measures import PrometheusSink, QueueCollector, exposition
from tests.support.kafka_triggers import Broker, eventually, executions, inputs, kafka_trigger, polling
from tests.support.workflows import Database, Published, definition, published

pytestmark = pytest.mark.kafka


def kill(broker: Kafka) -> None:
    """As with kill -9; `start` brings it back on the same port."""
    assert broker.child is not None
    broker.child.kill()


def numbers(database: Database) -> list[int]:
    return sorted(value["n"] for value in inputs(database))


def committed(servers: str, group: str, topic: str, partition: int = 0) -> int | None:
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    try:
        return consumer.committed(TopicPartition(topic, partition))
    finally:
        consumer.close()


def test_messages_become_executions_and_their_offsets_are_committed(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic(partitions=3)
    trigger_id = kafka_trigger(database, workflow, topic, start="earliest")
    broker.send(topic, {"n": 0}, key=b"a", headers=[("source", b"shop")])
    broker.send(topic, *({"n": n} for n in range(1, 20)))
    with polling(settings) as poller:
        eventually(lambda: len(inputs(database)) == 20)
        broker.send(topic, {"n": 20})
        eventually(lambda: len(inputs(database)) == 21)
        eventually(lambda: poller.lag() == {(trigger_id, f"{topic}/{partition}"): 0 for partition in range(3)})
        assert poller.health() == {"status": "ok", "detail": "1 consumer group, 0 records behind"}
    assert numbers(database) == list(range(21))
    first = next(row for row in executions(database) if row["input"]["n"] == 0)
    assert (first["trigger"]["key"], first["trigger"]["headers"]) == ("a", {"source": "shop"})
    assert abs(datetime.fromisoformat(first["trigger"]["timestamp"]).timestamp() - time.time()) < 300
    assert sum(committed(broker.servers, trigger_id, topic, partition) or 0 for partition in range(3)) == 21


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_what_a_producer_compressed_is_read(
    codec: str, database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    kafka_trigger(database, workflow, topic, start="earliest")
    producer = KafkaProducer(bootstrap_servers=broker.servers, compression_type=codec, linger_ms=50)
    for n in range(20):
        producer.send(topic, dumps({"n": n, "text": "x" * 500}).encode())
    producer.flush()
    producer.close()
    with polling(settings):
        eventually(lambda: numbers(database) == list(range(20)))


def test_what_was_not_committed_comes_again_and_starts_nothing(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    kafka_trigger(database, workflow, topic, group=(group := f"g-{topic}"), start="earliest")
    broker.send(topic, *({"n": n} for n in range(50)))
    before_storing: list[int | None] = []

    def first(event: Any, context: Any) -> Any:
        before_storing.append(committed(broker.servers, group, topic))
        return handler(event, context)

    with polling(settings, first):
        eventually(lambda: len(inputs(database)) == 50)
    assert before_storing[0] == 0
    assert committed(broker.servers, group, topic) == 50
    consumer = KafkaConsumer(bootstrap_servers=broker.servers, group_id=group, enable_auto_commit=False)
    consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(0, "", -1)})
    consumer.close()
    seen: list[int] = []

    def watched(event: Any, context: Any) -> Any:
        seen.extend(record["offset"] for records in event["records"].values() for record in records)
        return handler(event, context)

    with polling(settings, watched):
        eventually(lambda: len(seen) == 50)
    assert numbers(database) == list(range(50))


def test_latest_begins_when_the_trigger_was_made(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic(partitions=2)
    broker.send(topic, {"n": -1}, {"n": -2}, partition=0)
    time.sleep(0.01)
    trigger_id = kafka_trigger(database, workflow, topic)
    broker.send(topic, {"n": 1}, {"n": 2}, partition=0)  # before any poller has seen the trigger
    with polling(settings):
        eventually(lambda: numbers(database) == [1, 2])
        broker.send(topic, {"n": 3}, partition=1)
        eventually(lambda: numbers(database) == [1, 2, 3])
    assert (committed(broker.servers, trigger_id, topic, 0), committed(broker.servers, trigger_id, topic, 1)) == (4, 1)


def test_a_time_to_begin_at(database: Database, workflow: Published, settings: Settings, broker: Broker) -> None:
    topic = broker.topic()
    for n in range(5):
        broker.send(topic, {"n": n}, timestamp_ms=1_795_000_000_000 + n * 60_000)
    kafka_trigger(database, workflow, topic, start="2026-11-18T11:08:40Z")  # two minutes after the first
    with polling(settings):
        eventually(lambda: numbers(database) == [2, 3, 4])


def test_lag_and_trouble_are_told_to_everybody(
    database: Database, workflow: Published, settings: Settings, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_poller, "SAY_SECONDS", 0.1)
    monkeypatch.setattr(kafka_poller, "TROUBLE_SECONDS", 0.2)
    topic = broker.topic(partitions=2)
    trigger_id = kafka_trigger(database, workflow, topic, start="earliest", group="the-readers")
    database.execute("UPDATE triggers SET config = %(c)s", {"c": dumps({"topic": topic, "start": "earliest", "group": "the-readers"})})
    broker.send(topic, *({"n": n} for n in range(40)), partition=0)
    away = threading.Event()
    away.set()

    def handle(event: Any, context: Any) -> Any:
        if away.is_set():
            raise OSError("the database is away")
        return handler(event, context)

    def state() -> Any:
        with transaction() as connection:
            return service.show(service.get(connection, DEFAULT_WORKSPACE, trigger_id), reading(connection).lags)

    with polling(settings, handle):
        eventually(lambda: state()["state"] == "unhealthy")
        assert "the database is away" in state()["reason"]
        eventually(lambda: state()["lag"] == 40)
        with transaction() as connection:
            said = reading(connection)
        assert (said.groups, said.total, "the-readers: " in said.troubles[0]) == (1, 40, True)
        lines = exposition(PrometheusSinkWithQueue().registry).decode()
        assert f'millrace_kafka_lag{{group="the-readers",partition="0",topic="{topic}"}} 40.0' in lines
        away.clear()
        eventually(lambda: state()["state"] == "active")
        eventually(lambda: state()["lag"] == 0)
    assert len(executions(database)) == 40
    changes = database.execute("SELECT state FROM trigger_health ORDER BY id")
    assert [change["state"] for change in changes] == ["unhealthy", "healthy"]
    assert database.execute("SELECT 1 FROM kafka_readers") == []  # the poller has left


def test_a_topic_that_is_not_there_is_said_of_the_triggers_that_read_it(
    database: Database, workflow: Published, settings: Settings, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_poller, "SAY_SECONDS", 0.1)
    monkeypatch.setattr(kafka_poller, "TROUBLE_SECONDS", 0.2)
    there, later = broker.topic(), f"later-{uuid.uuid4().hex[:8]}"
    well = kafka_trigger(database, workflow, there, group="readers-of-both")
    waiting = kafka_trigger(database, workflow, later, start="earliest", group="readers-of-both")
    database.execute("UPDATE triggers SET config = replace(config, '\": ', '\":')")  # as the API writes it

    def reason(trigger_id: str) -> str | None:
        return database.one("SELECT unhealthy_reason FROM triggers WHERE id = %(id)s", id=trigger_id)["unhealthy_reason"]

    with polling(settings):
        eventually(lambda: reason(waiting) == f"reading Kafka: the brokers have no topic {later}")
        assert reason(well) is None
        with transaction() as connection:
            assert reading(connection).troubles == [f"readers-of-both: the brokers have no topic {later}"]
        broker.create(later)
        broker.send(later, {"n": 1})
        eventually(lambda: reason(waiting) is None)
        eventually(lambda: numbers(database) == [1])
    assert [row["state"] for row in database.execute("SELECT state FROM trigger_health ORDER BY id")] == ["unhealthy", "healthy"]


class PrometheusSinkWithQueue(PrometheusSink):
    """What the front registers."""

    def __init__(self) -> None:
        super().__init__()
        self.registry.register(QueueCollector())


def test_a_trigger_that_pauses_is_not_read_until_it_is_resumed(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    trigger_id = kafka_trigger(database, workflow, topic, start="earliest", on_poison="pause")
    broker.send(topic, {"n": 0}, b"{", {"n": 2})
    with polling(settings) as poller:
        eventually(lambda: database.one("SELECT paused_at FROM triggers")["paused_at"])
        eventually(lambda: poller.lag() == {} and not poller._readers)
        assert numbers(database) == [0]
        with transaction() as connection:
            service.patch(connection, DEFAULT_WORKSPACE, trigger_id, {"config": {"topic": topic, "on_poison": "dead_letter"}})
        eventually(lambda: numbers(database) == [0, 2])
    assert database.one("SELECT count(*) AS n FROM dead_letters")["n"] == 1


def test_batches_from_a_broker_hold_each_record_once(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic(partitions=2)
    kafka_trigger(database, workflow, topic, start="earliest", batch={"max_records": 50})
    for n in range(300):
        broker.producer.send(topic, dumps(n).encode(), partition=n % 2)
    broker.producer.flush()
    with polling(settings):
        eventually(lambda: sum(len(batch) for batch in inputs(database)) == 300)
    assert sorted(entry["value"] for batch in inputs(database) for entry in batch) == list(range(300))
    assert len(executions(database)) < 60


def test_a_quiet_topic_keeps_the_place_where_the_trigger_began(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    broker.send(topic, {"n": -1})
    time.sleep(0.01)
    trigger_id = kafka_trigger(database, workflow, topic)
    with polling(settings):
        eventually(lambda: committed(broker.servers, trigger_id, topic) == 1)
    broker.send(topic, {"n": 1})
    database.execute("UPDATE triggers SET updated_at = now() + interval '1 hour'")  # a change does not move a position that is kept
    with polling(settings):
        eventually(lambda: numbers(database) == [1])


def test_triggers_made_changed_moved_and_deleted_while_it_runs(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    first, second = broker.topic(), broker.topic()
    absent = f"later-{first}"
    with polling(settings) as poller:
        assert eventually(lambda: poller.health()["status"] == "ok")
        trigger_id = kafka_trigger(database, workflow, first)
        waiting_id = kafka_trigger(database, workflow, absent)
        broker.send(first, {"n": 1})
        eventually(lambda: numbers(database) == [1])
        database.execute(
            "UPDATE triggers SET config = %(config)s, topic = %(topic)s, revision = revision + 1, updated_at = now() WHERE id = %(id)s",
            {"config": json.dumps({"topic": second, "filter": "input.n != 3"}), "topic": second, "id": trigger_id},
        )
        broker.send(second, {"n": 2}, {"n": 3})
        broker.send(first, {"n": 4})
        eventually(lambda: numbers(database) == [1, 2])
        broker.create(absent)
        broker.send(absent, {"n": 5})
        eventually(lambda: numbers(database) == [1, 2, 5])
        database.execute("DELETE FROM triggers WHERE id = %(id)s", {"id": trigger_id})
        eventually(lambda: {group for group, _ in poller.lag()} == {waiting_id})
        broker.send(second, {"n": 6})
        broker.send(absent, {"n": 7})
        eventually(lambda: numbers(database) == [1, 2, 5, 7])


def test_a_partition_that_is_added_is_read_from_its_beginning(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    from kafka.admin import NewPartitions

    topic = broker.topic()
    kafka_trigger(database, workflow, topic)
    broker.send(topic, {"n": 0})
    with polling(settings):
        eventually(lambda: numbers(database) == [0])
        with kafka_clients.connect(kafka_clients.KafkaAdminClient, {"bootstrap_servers": broker.servers}) as admin:
            admin.create_partitions({topic: NewPartitions(2)})
        other = Broker(broker.servers)  # whose producer knows the new partition
        other.send(topic, {"n": 1}, partition=1)
        other.close()
        eventually(lambda: numbers(database) == [0, 1])


def test_poison_and_tombstones_between_good_messages(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    kafka_trigger(database, workflow, topic, start="earliest")
    broker.send(topic, {"n": 1}, b'{"n": ', b"\xff\xfe")
    broker.send(topic, None, key=b"gone")
    broker.send(topic, {"n": 5})
    with polling(settings):
        eventually(lambda: len(inputs(database)) == 4)
    assert inputs(database) == [{"n": 1}, {"content_type": "application/octet-stream", "base64": "//4="}, None, {"n": 5}]
    (letter,) = database.execute("SELECT * FROM dead_letters")
    assert (letter["code"], letter["topic"], letter["record_offset"]) == ("invalid_json", topic, 1)


def test_messages_that_their_producer_took_back_start_nothing(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    kafka_trigger(database, workflow, topic, start="earliest")
    producer = KafkaProducer(bootstrap_servers=broker.servers, transactional_id=f"tx-{topic}")
    producer.init_transactions()
    for number, end in ((1, producer.abort_transaction), (2, producer.commit_transaction)):
        producer.begin_transaction()
        producer.send(topic, json.dumps({"n": number}).encode())
        producer.flush()
        end()
    producer.close()
    broker.send(topic, {"n": 3})
    with polling(settings):
        eventually(lambda: numbers(database) == [2, 3])


def test_two_pollers_of_one_group_and_a_rebalance_within_a_batch(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic(partitions=4)
    kafka_trigger(database, workflow, topic, start="earliest")
    seen: dict[str, set[str]] = {"one": set(), "two": set()}
    joined = threading.Event()

    def one(event: Any, context: Any) -> Any:
        seen["one"] |= set(event["records"])
        answer = handler(event, context)
        joined.wait(10)  # the second poller joins while this batch is stored and not committed
        return answer

    def two(event: Any, context: Any) -> Any:
        seen["two"] |= set(event["records"])
        return handler(event, context)

    for n in range(400):
        broker.producer.send(topic, json.dumps({"n": n}).encode(), partition=n % 4)
    broker.producer.flush()
    with polling(settings, one) as first:
        eventually(lambda: seen["one"])
        with polling(settings, two) as second:
            time.sleep(0.5)
            joined.set()
            eventually(lambda: len(inputs(database)) == 400)
            eventually(lambda: sorted([len(first.lag()), len(second.lag())]) == [2, 2])
            broker.send(topic, *({"n": n} for n in range(400, 404)), partition=0)
            for partition in range(1, 4):
                broker.send(topic, *({"n": n} for n in range(400 + 4 * partition, 404 + 4 * partition)), partition=partition)
            eventually(lambda: len(inputs(database)) == 416)
            assert len(seen["two"]) >= 2
        eventually(lambda: len(first.lag()) == 4)
        broker.send(topic, {"n": 416})
        eventually(lambda: len(inputs(database)) == 417)
    assert numbers(database) == list(range(417))


def test_a_position_that_could_not_be_committed_is_committed_later(
    database: Database, workflow: Published, settings: Settings, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = broker.topic()
    trigger_id = kafka_trigger(database, workflow, topic, start="earliest")
    broker.send(topic, {"n": 0})
    refused: list[Any] = []
    commit = KafkaConsumer.commit

    def flaky(self: KafkaConsumer, offsets: Any = None, timeout_ms: Any = None) -> None:
        if any(offset.offset == 1 for offset in offsets.values()) and len(refused) < 3:
            refused.append(offsets)
            raise (RebalanceInProgressError() if len(refused) < 2 else KafkaTimeoutError())
        commit(self, offsets, timeout_ms)

    monkeypatch.setattr(KafkaConsumer, "commit", flaky)
    with polling(settings):
        eventually(lambda: committed(broker.servers, trigger_id, topic) == 1)  # though no other record comes
    assert (len(refused), numbers(database)) == (3, [0])


def test_a_database_that_is_away_delays_and_loses_nothing(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    kafka_trigger(database, workflow, topic, start="earliest")
    broker.send(topic, *({"n": n} for n in range(10)))
    failures: list[str] = []

    def failing(event: Any, context: Any) -> Any:
        if len(failures) < 2:
            failures.append("x")
            raise ConnectionError("the database is away")
        return handler(event, context)

    with polling(settings, failing) as poller:
        eventually(lambda: "the database is away" in poller.health()["detail"])
        assert poller.health()["status"] == "degraded"
        eventually(lambda: numbers(database) == list(range(10)))
        eventually(lambda: poller.health()["status"] == "ok")


def test_items_named_as_failed_are_delivered_again_as_on_lambda(
    database: Database, workflow: Published, settings: Settings, broker: Broker
) -> None:
    topic = broker.topic()
    kafka_trigger(database, workflow, topic, start="earliest")
    broker.send(topic, *({"n": n} for n in range(10)))
    offsets: list[list[int]] = []

    def partly(event: Any, context: Any) -> Any:
        offsets.append([record["offset"] for record in event["records"][f"{topic}-0"]])
        return {"batchItemFailures": [{"itemIdentifier": {"partition": f"{topic}-0", "offset": 6}}] if len(offsets) == 1 else []}

    with polling(settings, partly):
        eventually(lambda: len(offsets) == 2)
    assert offsets == [list(range(10)), [6, 7, 8, 9]]


def test_a_broker_that_is_killed_and_comes_back(
    database: Database, workflow: Published, settings_env: Settings, own_broker: Kafka
) -> None:
    settings = replace(settings_env, kafka_bootstrap_servers=own_broker.url)
    broker = Broker(own_broker.url)
    topic = broker.topic(partitions=2)
    broker.close()
    trigger_id = kafka_trigger(database, workflow, topic)
    publisher, other = (Publisher({"bootstrap_servers": [own_broker.url]}) for _ in range(2))
    pending: list[Any] = []
    with polling(settings) as running:
        assert asyncio.run(_attempt(publisher, topic, {"n": 0}))["topic"] == topic
        eventually(lambda: numbers(database) == [0])
        kill(own_broker)
        threads = threading.active_count()
        with polling(settings) as starting:  # it has never seen a broker
            eventually(lambda: starting.health()["status"] == "degraded" and "Kafka" in starting.health()["detail"])
            publishing = threading.Thread(target=lambda: pending.append(asyncio.run(_attempt(publisher, topic, {"n": 1}))))
            publishing.start()  # a producer that was connected waits for the broker to come back
            refused = asyncio.run(_attempt(other, topic, {"n": -1}))
            assert (refused.code, refused.error_class) == ("kafka_unavailable", "connection")
            assert asyncio.run(_attempt(other, topic, {"n": -1})).code == "kafka_unavailable"
            assert kafka_health(settings)["status"] == "down"
            assert threading.active_count() < threads + 12, threading.enumerate()  # clients that could not connect leave no threads
            assert pending == []
            run_alone(own_broker.start())
            publishing.join(40)
            while isinstance(pending[-1], ActionError):  # the broker took longer than an attempt waits: what a retry would do
                assert pending[-1].error_class in ("timeout", "connection")
                pending.append(asyncio.run(_attempt(publisher, topic, {"n": 1})))
            assert pending[-1]["topic"] == topic
            eventually(lambda: set(numbers(database)) == {0, 1})
            assert asyncio.run(_attempt(other, topic, {"n": 2}))["topic"] == topic
            eventually(lambda: set(numbers(database)) == {0, 1, 2})
            eventually(lambda: [each.health()["status"] for each in (running, starting)] == ["ok", "ok"])
            eventually(lambda: sum(committed(own_broker.url, trigger_id, topic, partition) or 0 for partition in range(2)) == len(numbers(database)))
    publisher.close()
    other.close()


async def _attempt(publisher: Publisher, topic: str, value: Any, **config: Any) -> Any:
    """One attempt of a kafka.publish node: its output, or its error."""
    context = NodeContext(
        "exe_1",
        "ws_1",
        "send",
        "",
        1,
        "exe_1.send",
        datetime(2026, 1, 1, tzinfo=UTC),
        lambda source: None,
        clients={"kafka": publisher},
    )
    try:
        return (await run(context, KafkaPublishConfig(topic=topic, value=value, **config))).output
    except ActionError as error:
        return error


def test_publish_confirms_key_value_and_headers(broker: Broker, settings: Settings) -> None:
    topic = broker.topic(partitions=2)
    publisher = Publisher({"bootstrap_servers": [broker.servers]})

    async def publish_many() -> list[Any]:
        tasks = [_attempt(publisher, topic, {"n": n, "ü": None}, key=f"k{n % 7}", headers={"source": "shop"}) for n in range(300)]
        return await asyncio.gather(*tasks)

    outputs = asyncio.run(publish_many())
    text = asyncio.run(_attempt(publisher, topic, "plain", key="k0"))
    tombstone = asyncio.run(_attempt(publisher, topic, None, key="k0"))
    publisher.close()
    consumer = KafkaConsumer(bootstrap_servers=broker.servers, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    consumer.seek_to_beginning()
    read: dict[tuple[int, int], Any] = {}
    eventually(lambda: read.update(_by_place(consumer.poll(timeout_ms=500))) or len(read) == 302)
    consumer.close()
    for n, output in enumerate(outputs):
        record = read[output["partition"], output["offset"]]
        assert (record.key, json.loads(record.value)) == (b"k%d" % (n % 7), {"n": n, "ü": None})
        assert record.headers == [("source", b"shop"), ("Idempotency-Key", b"exe_1.send")]
    assert read[text["partition"], text["offset"]].value == b"plain"
    assert read[tombstone["partition"], tombstone["offset"]].value is None
    assert text["topic"] == topic


def _by_place(batch: Any) -> dict[tuple[int, int], Any]:
    return {(record.partition, record.offset): record for records in batch.values() for record in records}


def test_publish_says_what_cannot_be_published(broker: Broker, settings: Settings) -> None:
    topic = broker.topic()
    publisher = Publisher({"bootstrap_servers": [broker.servers]})
    too_large = asyncio.run(_attempt(publisher, topic, "x" * 2_000_000))
    assert (too_large.code, too_large.error_class) == ("kafka_message_too_large", None)
    assert asyncio.run(_attempt(publisher, topic, "fits"))["offset"] == 0
    publisher.close()
    closed = asyncio.run(_attempt(publisher, topic, "late"))
    assert (closed.code, closed.error_class) == ("kafka_error", "connection")


def test_a_workflow_publishes_and_another_is_started_by_it(
    database: Database, settings: Settings, broker: Broker, engine: Any
) -> None:
    topic = broker.topic()
    node = {
        "id": "send",
        "type": "kafka.publish",
        "config": {"topic": topic, "key": "{{ input.id }}", "value": {"order": "{{ input.id }}"}},
    }
    sender = published(database, definition(node))
    receiver = published(database, definition({"id": "done", "type": "stop", "config": {}}))
    kafka_trigger(database, receiver, topic)
    from tests.support.workflows import started

    try:
        (ended,) = engine.until_ended(started(database, sender, {"id": "o-17"}))
    finally:
        close_publishers()
    assert ended["output"] == {"send": {"topic": topic, "partition": 0, "offset": 0}}
    with polling(settings):
        (row,) = eventually(
            lambda: [row for row in database.execute("SELECT * FROM executions") if row["workflow_id"] == receiver.workflow_id]
        )
    assert json.loads(row["input"]) == {"order": "o-17"}
    assert json.loads(row["trigger"])["headers"] == {"Idempotency-Key": f"{ended['id']}.send"}


def test_the_health_of_a_broker_that_answers(settings: Settings) -> None:
    assert kafka_health(settings) == {"status": "ok", "detail": "Kafka answers (1 broker)"}


def test_five_thousand_messages(database: Database, workflow: Published, settings: Settings, broker: Broker) -> None:
    topic = broker.topic(partitions=4)
    kafka_trigger(database, workflow, topic, start="earliest")
    for n in range(5000):
        broker.producer.send(topic, json.dumps({"n": n, "text": "x" * 200}).encode())
    broker.producer.flush()
    cpu, began = time.process_time(), time.monotonic()
    with polling(settings):
        eventually(lambda: database.one("SELECT count(*) AS n FROM executions")["n"] == 5000, seconds=120)
        seconds = time.monotonic() - began
    print(
        f"\n5000 Kafka messages into executions: {5000 / seconds:.0f}/s, {(time.process_time() - cpu) / 5000 * 1e6:.0f} us of CPU each"
    )
    assert numbers(database) == list(range(5000))

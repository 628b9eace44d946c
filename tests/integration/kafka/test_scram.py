"""Brokers that ask for a password: Apache Kafka with SCRAM-SHA-512, spoken to by everything that is a client here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaConnectionError

from chalicelib.core.config import Settings
from chalicelib.core.kafka import client_options, connect, kafka_health
from chalicelib.core.kafka_publisher import Message, Publisher, PublishFailed
from infra.host import kafka_poller
from infra.host.processes import ProcessLedger
from infra.host.servers import Home, ServerMemory, run_alone
from infra.host.servers.kafka import Kafka
from tests.support.kafka_triggers import eventually, inputs, kafka_trigger, polling
from tests.support.workflows import Database, Published

pytestmark = pytest.mark.kafka

USER, PASSWORD = "millrace", "correct-horse"
MECHANISM = "SCRAM-SHA-512"


class ScramKafka(Kafka):
    """The embedded broker, but that it lets in only who has the password."""

    format_words = ("--add-scram", f"{MECHANISM}=[name={USER},password={PASSWORD}]")

    def _configuration(self, port: int, controller_port: int) -> str:
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        changed = {
            "listeners": f"SASL_PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"SASL_PLAINTEXT://127.0.0.1:{port}",
            "listener.security.protocol.map": "SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": MECHANISM,
            "sasl.mechanism.inter.broker.protocol": MECHANISM,
            "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": f'{login} username="{USER}" password="{PASSWORD}";',
        }
        return super()._configuration(port, controller_port) + "".join(f"{name}={value}\n" for name, value in changed.items())


@pytest.fixture
def guarded(tmp_path: Path, kafka_servers: str) -> Iterator[ScramKafka]:
    home = Home(tmp_path, tmp_path, os.environ, ProcessLedger(tmp_path / "processes.json"), ServerMemory(tmp_path / "servers.json"))
    server = ScramKafka(home)
    run_alone(server.start())
    yield server
    server.stop()


def signing_in(settings: Settings, servers: str, password: str) -> Settings:
    """What KAFKA_SECURITY_PROTOCOL and its companions set."""
    return replace(
        settings,
        kafka_bootstrap_servers=servers,
        kafka_security="SASL_PLAINTEXT",
        kafka_mechanism=MECHANISM,
        kafka_username=USER,
        kafka_password=password,
    )


def test_records_are_read_and_published_with_the_password_and_not_without(
    database: Database, workflow: Published, settings_env: Settings, guarded: ScramKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_poller, "SAY_SECONDS", 0.1)
    monkeypatch.setattr(kafka_poller, "TROUBLE_SECONDS", 0.2)
    settings = signing_in(settings_env, guarded.url, PASSWORD)
    options = client_options(settings)
    with connect(KafkaAdminClient, options) as admin:
        admin.create_topics([NewTopic(name="orders", num_partitions=1, replication_factor=1)])
    trigger_id = kafka_trigger(database, workflow, "orders", start="earliest")
    database.execute("UPDATE triggers SET config = replace(config, '\": ', '\":')")  # as the API writes it
    producer = connect(KafkaProducer, options)
    producer.send("orders", b'{"n": 1}').get(20)
    producer.close()
    publisher = Publisher(options)
    place = asyncio.run(publisher.publish(Message("orders", None, b'{"n": 2}', ())))
    publisher.close()
    assert place.offset == 1
    assert kafka_health(settings)["status"] == "ok"

    def reason() -> Any:
        return database.one("SELECT unhealthy_reason FROM triggers WHERE id = %(id)s", id=trigger_id)["unhealthy_reason"]

    with polling(signing_in(settings_env, guarded.url, "wrong-horse")):
        said = eventually(reason)  # that they hang up, or, when it comes through, that they do not know the password
        assert "sign in by SCRAM-SHA-512 (check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD)" in said
    assert inputs(database) == []
    stranger = Publisher(client_options(signing_in(settings_env, guarded.url, "wrong-horse")))
    with pytest.raises(PublishFailed) as refused:
        asyncio.run(stranger.publish(Message("orders", None, b"{}", ())))
    assert "check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" in refused.value.detail
    nobody = replace(settings_env, kafka_bootstrap_servers=guarded.url)
    with pytest.raises(KafkaConnectionError, match="check KAFKA_SECURITY_PROTOCOL"):
        connect(KafkaAdminClient, client_options(nobody) | {"bootstrap_timeout_ms": 2_000})
    stranger.close()
    assert kafka_health(signing_in(settings_env, guarded.url, "wrong-horse"))["status"] == "down"
    with polling(settings):
        eventually(lambda: sorted(value["n"] for value in inputs(database)) == [1, 2])
        eventually(lambda: reason() is None)

"""How clients sign in to the brokers, from the settings."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.config import InvalidSettings, Settings
from chalicelib.core.kafka import client_options

SCRAM = {
    "KAFKA_BOOTSTRAP_SERVERS": "b-1:9096, b-2:9096",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "u",
    "KAFKA_SASL_PASSWORD": "p",
}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"KAFKA_BOOTSTRAP_SERVERS": "b:9092"}, {"bootstrap_servers": ["b:9092"]}),
        (
            SCRAM,
            {"bootstrap_servers": ["b-1:9096", "b-2:9096"], "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512",
             "sasl_plain_username": "u", "sasl_plain_password": "p"},
        ),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "b:9098", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "AWS_MSK_IAM"},
            {"bootstrap_servers": ["b:9098"], "security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM"},
        ),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "b:9094", "KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA": "/ca.pem"},
            {"bootstrap_servers": ["b:9094"], "security_protocol": "SSL", "ssl_cafile": "/ca.pem"},
        ),
    ],
)  # fmt: skip
def test_options_of_every_client(environment: dict[str, str], expected: dict[str, Any]) -> None:
    assert client_options(Settings.from_env(environment)) == expected | {"client_id": "millrace"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"KAFKA_SASL_PASSWORD": ""}, "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"),
        ({"KAFKA_SASL_MECHANISM": ""}, "KAFKA_SASL_MECHANISM goes with"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL"}, "KAFKA_SASL_MECHANISM goes with"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "AWS_MSK_IAM"}, "needs KAFKA_SECURITY_PROTOCOL SASL_SSL"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "SCRAM-SHA-512"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(change: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidSettings, match=words):
        Settings.from_env(SCRAM | change)

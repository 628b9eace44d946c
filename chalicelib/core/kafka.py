"""Kafka clients: when there are any, how they are made, and whether the brokers answer. Publishing is in kafka_publisher.py.

Bootstrap servers come from the operator's settings and from nowhere else, so the guard on outbound addresses does not apply to them.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import kafka.errors as client_errors
from kafka import KafkaAdminClient

from chalicelib.core.config import Settings
from chalicelib.core.errors import MillraceError

HEALTH_SECONDS = 5.0
HEALTH_TIMEOUT_MS = 1_500
_REFUSED = (
    client_errors.SaslAuthenticationFailedError,
    client_errors.AuthorizationError,
    client_errors.UnsupportedSaslMechanismError,
)

# The client logs every connection attempt as an error; what matters of it is reported by whoever uses the client.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class KafkaOff(MillraceError):
    """Kafka features are off in this installation; the words say why and what to set."""

    status, code, title = 503, "kafka_off", "Kafka is off"


def off_reason(settings: Settings) -> str | None:
    """Why Kafka features are off, None when they are on."""
    if settings.kafka_enabled:
        return None
    if settings.kafka_off_reason:
        return settings.kafka_off_reason
    state = "is none" if settings.kafka_bootstrap_servers else "is not set"
    return f"KAFKA_BOOTSTRAP_SERVERS {state}; set it to the brokers' addresses"


def client_options(settings: Settings) -> dict[str, Any]:
    """What every client is made with. Raises KafkaOff."""
    reason = off_reason(settings)
    if reason is not None:
        raise KafkaOff(reason)
    servers = [server.strip() for server in (settings.kafka_bootstrap_servers or "").split(",") if server.strip()]
    return {"bootstrap_servers": servers, "client_id": "millrace", **_security(settings)}


def _security(settings: Settings) -> dict[str, Any]:
    """How the brokers are spoken to. AWS_MSK_IAM signs in with the credentials that the AWS SDK finds: on Lambda those of the function's role."""
    options: dict[str, Any] = {}
    if settings.kafka_security != "PLAINTEXT":
        options["security_protocol"] = settings.kafka_security
    if settings.kafka_ca is not None:
        options["ssl_cafile"] = str(settings.kafka_ca)
    if settings.kafka_mechanism is not None:
        options["sasl_mechanism"] = settings.kafka_mechanism
    if settings.kafka_username is not None:
        options |= {"sasl_plain_username": settings.kafka_username, "sasl_plain_password": settings.kafka_password}
    return options


def connect(kind: Any, options: Mapping[str, Any]) -> Any:
    """Make a client of this class (KafkaConsumer, KafkaProducer, KafkaAdminClient); blocks until the brokers answered or `bootstrap_timeout_ms` passed.

    Raises the client's KafkaError. Three faults of kafka-python 3.0.12 are mended here: a client whose making failed leaves its thread and sockets behind;
    `allow_auto_create_topics` is accepted but not passed on, so that a consumer would create every topic it merely asks for; and brokers that refuse a password
    or a certificate are only said not to have answered.
    """
    made: list[Any] = []
    refusals: list[Exception] = []

    def network(**configs: Any) -> Any:
        client = kind.DEFAULT_CONFIG["kafka_client"](**configs)
        made.append(client)
        _watch(client, refusals)
        if "allow_auto_create_topics" in configs:
            client.cluster.config["allow_auto_create_topics"] = configs["allow_auto_create_topics"]
        return client

    try:
        opened = kind(**options, kafka_client=network)
    except BaseException as error:
        for client in made:
            with contextlib.suppress(Exception):
                client.close()
        if refusals and isinstance(error, client_errors.KafkaTimeoutError):
            raise refusals[-1] from error
        raise
    for client in made:
        del client._manager.get_connection  # from now on nobody asks why a connection ended
    return opened


def _watch(client: Any, refusals: list[Exception]) -> None:
    """Keep what brokers say when they do not let a connection in."""
    manager = client._manager
    connection_to = manager.get_connection
    mechanism = manager.config["sasl_mechanism"]
    check = f"by {mechanism} (check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD)" if mechanism else "(check KAFKA_SECURITY_PROTOCOL)"
    hint = f"the brokers hang up while we sign in {check}"

    def note(error: Exception) -> None:
        if isinstance(error, ssl.SSLError):
            refusals.append(client_errors.KafkaConnectionError(f"TLS: {error}"))
        elif isinstance(error, client_errors.SaslAuthenticationFailedError):
            refusals.append(client_errors.SaslAuthenticationFailedError(f"the brokers do not let us sign in {check}: {error}"))
        elif isinstance(error, _REFUSED):
            refusals.append(error)
        elif "socket disconnected" in str(error):  # often the reason was sent before, and is lost by the client
            refusals.append(client_errors.KafkaConnectionError(hint))

    def watched(*words: Any, **options: Any) -> Any:
        connection = connection_to(*words, **options)
        connection.close_future.add_errback(note)
        return connection

    manager.get_connection = watched


class _Health:
    """Asks the brokers at most once in HEALTH_SECONDS, over a connection that is kept."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(
            options, bootstrap_timeout_ms=HEALTH_TIMEOUT_MS, request_timeout_ms=HEALTH_TIMEOUT_MS, reconnect_backoff_max_ms=500
        )
        self._lock = threading.Lock()
        self._client: Any = None
        self._asked_at: float | None = None
        self._answer: dict[str, str] = {}

    def answer(self) -> dict[str, str]:
        """The latest answer; asks now when it is old. While one thread asks, the others take the answer before."""
        if self._old() and self._lock.acquire(blocking=self._asked_at is None):
            try:
                if self._old():
                    self._answer, self._asked_at = self._ask(), time.monotonic()
            finally:
                self._lock.release()
        return dict(self._answer)

    def _old(self) -> bool:
        return self._asked_at is None or time.monotonic() - self._asked_at >= HEALTH_SECONDS

    def _ask(self) -> dict[str, str]:
        try:
            if self._client is None:
                self._client = connect(KafkaAdminClient, self._options)
            brokers = self._client.describe_cluster()["brokers"]
        except Exception as error:  # reported, not raised
            client, self._client = self._client, None
            with contextlib.suppress(Exception):
                if client is not None:
                    client.close()
            return {
                "status": "down",
                "detail": f"Kafka does not answer ({type(error).__name__}); its triggers and kafka.publish wait for it",
            }
        return {"status": "ok", "detail": f"Kafka answers ({len(brokers)} broker{'' if len(brokers) == 1 else 's'})"}


@lru_cache(maxsize=4)
def _health_of(settings: Settings) -> _Health:
    return _Health(client_options(settings))


def kafka_health(settings: Settings) -> dict[str, str]:
    """`{"status": ok|down|off, "detail"}` for the health page. Never raises; asks at most every 5 seconds, each time for at most about 2 seconds."""
    reason = off_reason(settings)
    if reason is not None:
        return {"status": "off", "detail": reason}
    return _health_of(settings).answer()

"""Publishing to Kafka from asyncio: one producer for all executions of a process.

The client works in threads of its own. A message costs one hop to a sending thread and one call back to the loop, never a thread to itself, and messages of
all executions in flight travel in the same batches. It counts as published when every in-sync replica has it (acks=all, idempotent producer).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import kafka.errors as client_errors
from kafka import KafkaProducer

from chalicelib.core.config import Settings
from chalicelib.core.errors import MillraceError
from chalicelib.core.kafka import client_options, connect

PRODUCER = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 5,
    "bootstrap_timeout_ms": 3_000,
    "max_block_ms": 10_000,
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": 25_000,  # below a node's default timeout, so that the node learns what became of its message
    "reconnect_backoff_max_ms": 1_000,
}
TOPIC_KNOWN_SECONDS = 60.0
RECONNECT_SECONDS = 1.0
MAX_TOPICS = 10_000


class PublishFailed(MillraceError):
    """A message was not confirmed. `error_class` is what retry policies match: timeout, connection or None (trying again would not help)."""

    status, code, title = 502, "kafka_error", "The message was not published"

    def __init__(self, detail: str, *, code: str, error_class: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.error_class = error_class


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to a topic, in bytes. A value of None is a tombstone and needs a key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """Where a confirmed message stands."""

    topic: str
    partition: int
    offset: int


class Publisher:
    """Connects at first use, and anew after an error the producer cannot recover from. Safe from any thread and any event loop."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = {**options, **PRODUCER}
        self._connecting = threading.Lock()
        self._producer: Any = None
        self._refused: tuple[float, str] | None = None
        self._sending = ThreadPoolExecutor(1, "kafka-send")
        self._asking = ThreadPoolExecutor(4, "kafka-lookup")
        self._topics_lock = threading.Lock()
        self._topics: dict[str, tuple[float, Future[None]]] = {}

    async def publish(self, message: Message) -> Published:
        """Send a message and wait until it is confirmed; raises PublishFailed. When the caller is cancelled, the message may still arrive."""
        try:
            await asyncio.shield(asyncio.wrap_future(self._known(message.topic)))
            sent = await asyncio.wrap_future(self._sending.submit(self._send, message))
            confirmed = await _confirmed(sent)
        except (client_errors.KafkaError, ValueError, TypeError, RuntimeError) as error:  # RuntimeError: closed meanwhile
            failure = judge(message, error)
            if failure.code == "kafka_error":  # not of this message but of the producer, whose state may be beyond repair
                with contextlib.suppress(RuntimeError):
                    self._asking.submit(self._discard, 0.0)
            raise failure from error
        return Published(confirmed.topic, confirmed.partition, confirmed.offset)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Wait for what is on its way, then let go of the threads."""
        self._sending.shutdown(wait=True, cancel_futures=True)
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._discard(timeout_seconds)

    def _known(self, topic: str) -> Future[None]:
        """Done once the topic's partitions are known, so that sending it does not block the others. One look-up serves all who wait for it."""
        now = time.monotonic()
        with self._topics_lock:
            asked_at, found = self._topics.get(topic, (0.0, None))
            if found is None or (found.done() and (now - asked_at > TOPIC_KNOWN_SECONDS or found.cancelled() or found.exception())):
                if len(self._topics) >= MAX_TOPICS:
                    self._topics.clear()
                found = self._asking.submit(self._look_up, topic)
                self._topics[topic] = (now, found)
            return found

    def _look_up(self, topic: str) -> None:
        self._connected().partitions_for(topic)

    def _send(self, message: Message) -> Any:
        return self._connected().send(message.topic, value=message.value, key=message.key, headers=list(message.headers))

    def _connected(self) -> Any:
        """The producer. While the brokers are away, one attempt answers for all who wait and for the second after."""
        with self._connecting:
            if self._producer is None:
                if self._refused is not None and time.monotonic() - self._refused[0] < RECONNECT_SECONDS:
                    raise client_errors.KafkaConnectionError(self._refused[1])
                try:
                    self._producer = connect(KafkaProducer, self._options)
                except client_errors.KafkaTimeoutError as error:
                    self._refused = (time.monotonic(), str(error))
                    raise client_errors.KafkaConnectionError(str(error)) from error
            return self._producer

    def _discard(self, timeout_seconds: float) -> None:
        producer, self._producer = self._producer, None
        with self._topics_lock:
            self._topics.clear()
        if producer is not None:
            with contextlib.suppress(client_errors.KafkaError):
                producer.close(timeout=timeout_seconds)


async def _confirmed(sent: Any) -> Any:
    """The client's future, awaited: its thread calls back into the loop."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any) -> None:
        if waiting.done():  # cancelled meanwhile
            return
        if isinstance(result, BaseException):
            waiting.set_exception(result)
        else:
            waiting.set_result(result)

    def from_thread(result: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(settle, result)

    sent.add_both(from_thread)
    return await waiting


_TOO_LARGE = (client_errors.MessageSizeTooLargeError, client_errors.RecordListTooLargeError)
_NOT_SIGNED_IN = (client_errors.SaslAuthenticationFailedError, client_errors.UnsupportedSaslMechanismError)
_TIMEOUT = (client_errors.KafkaTimeoutError, client_errors.RequestTimedOutError)


def judge(message: Message, error: Exception) -> PublishFailed:
    """The client's error in our words, with what a retry policy needs to know."""
    topic = message.topic
    if isinstance(error, _TOO_LARGE):
        size = len(message.value or b"") + len(message.key or b"")
        return PublishFailed(
            f"the message for topic {topic} has {size} bytes, more than the brokers take", code="kafka_message_too_large"
        )
    if isinstance(error, _NOT_SIGNED_IN):
        words = "the brokers do not let us sign in; check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, and KAFKA_SASL_MECHANISM"
        return PublishFailed(f"{words} ({type(error).__name__})", code="kafka_not_allowed")
    if isinstance(error, client_errors.AuthorizationError):
        return PublishFailed(f"the brokers do not let us write to topic {topic} ({type(error).__name__})", code="kafka_not_allowed")
    if isinstance(error, client_errors.InvalidTopicError):
        return PublishFailed(f"{topic!r} is no topic name", code="kafka_topic_invalid")
    if isinstance(error, _TIMEOUT):
        words = f"topic {topic} did not confirm the message in time; the brokers are away, or the topic does not exist"
        return PublishFailed(words, code="kafka_timeout", error_class="timeout")
    if isinstance(error, client_errors.KafkaError) and error.retriable:
        return PublishFailed(f"the brokers cannot be reached: {error}", code="kafka_unavailable", error_class="connection")
    return PublishFailed(
        f"the message was not published: {type(error).__name__}: {error}", code="kafka_error", error_class="connection"
    )


_publishers: dict[tuple[str, ...], Publisher] = {}
_publishers_lock = threading.Lock()


def publisher(settings: Settings) -> Publisher:
    """The process's publisher to these brokers. Raises KafkaOff."""
    options = client_options(settings)
    servers = tuple(options["bootstrap_servers"])
    with _publishers_lock:
        if servers not in _publishers:
            _publishers[servers] = Publisher(options)
        return _publishers[servers]


def close_publishers() -> None:
    """At the end of a process: wait a few seconds for what is on its way."""
    with _publishers_lock:
        closing = list(_publishers.values())
        _publishers.clear()
    for each in closing:
        each.close()

"""kafka.publish: send one message to a topic and wait until the brokers have confirmed it.

By default strings go as their UTF-8 text and everything else as compact UTF-8 JSON; `value_format` and `key_format` can ask for JSON, text or raw bytes (given in
base64), and a header may be {"base64": …}. Null is no value (a tombstone). Messages of all executions in flight travel in the same batches of one idempotent
producer; the node succeeds when its own is confirmed by every in-sync replica. The record carries the node's Idempotency-Key as a
header, the same on every attempt, since a message may arrive twice when its confirmation is lost.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, field_validator

from chalicelib.core import jsontext
from chalicelib.core.config import settings
from chalicelib.core.kafka import KafkaOff
from chalicelib.core.kafka_publisher import Message, Publisher, PublishFailed, publisher
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

IDEMPOTENCY_HEADER = "Idempotency-Key"
Format = Literal["auto", "json", "text", "base64"]
_FORMATS = "auto: text as it is, anything else as JSON; json: text in quotes too; text: text only; base64: the bytes it stands for."
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")


class KafkaPublishConfig(Config):
    """The message."""

    topic: str = Field(min_length=1, description="The topic to write to.")
    key: Any = Field(
        default=None,
        description="Messages with the same key go to the same partition, in order.",
    )
    value: Any = Field(default=None, description="The message; null (with a key) is a tombstone.")
    headers: dict[str, Any] = Field(
        default_factory=dict, max_length=100, description='Header fields; {"base64": …} for raw bytes, null leaves one out.'
    )
    value_format: Format = Field(default="auto", description=f"How the value is written. {_FORMATS}")
    key_format: Format = Field(default="auto", description="The same for the key.")

    @field_validator("topic")
    @classmethod
    def _topic(cls, topic: str) -> str:
        if not _TOPIC.match(topic) or topic in (".", ".."):
            raise ValueError("a topic has 1 to 249 letters, digits, '.', '_' and '-' (but is not '.' or '..')")
        return topic


def encoded(value: Any, field: str, form: Format = "auto") -> bytes | None:
    """A value as it stands in a message; None stays None whatever the form, but for JSON's null. Raises ActionError `invalid_config` for what has no such form."""
    if value is None and form != "json":
        return None
    return _ENCODERS[form](value, field)


def _auto(value: Any, field: str) -> bytes:
    return _text(value, field) if isinstance(value, str) else _json(value, field)


def _text(value: Any, field: str) -> bytes:
    if not isinstance(value, str):
        raise ActionError("invalid_config", f"{field} is not text, which its format asks for; make text of it, or choose the format json")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise ActionError("invalid_config", f"{field} holds a lone surrogate, which no text can hold") from None


def _raw(value: Any, field: str) -> bytes:
    try:
        return base64.b64decode(_text(value, field), validate=True)
    except binascii.Error:
        raise ActionError("invalid_config", f"{field} is not base64, which its format asks for") from None


def _json(value: Any, field: str) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        return jsontext.dumps(value).encode("ascii")  # JSON can hold it, as an escape
    except ValueError:
        raise ActionError("invalid_config", f"{field} holds a number that is not finite") from None


_ENCODERS: dict[Format, Callable[[Any, str], bytes]] = {"auto": _auto, "json": _json, "text": _text, "base64": _raw}


def _header(value: Any, field: str) -> bytes | None:
    """A header field; an object with nothing but `base64` is raw bytes."""
    if isinstance(value, dict) and set(value) == {"base64"}:
        return _raw(value["base64"], field)
    return encoded(value, field)


def message_of(config: KafkaPublishConfig, idempotency_key: str) -> Message:
    """The message to send. Raises ActionError `invalid_config` when it has neither key nor value."""
    key = encoded(config.key, "key", config.key_format if config.key is not None else "auto")
    value = encoded(config.value, "value", config.value_format)
    if key is None and value is None:
        raise ActionError("invalid_config", "the message has neither a key nor a value; give it one of them")
    headers = [(name, text) for name, given in config.headers.items() if (text := _header(given, f"headers/{name}")) is not None]
    if not any(name.lower() == IDEMPOTENCY_HEADER.lower() for name, _ in headers):
        headers.append((IDEMPOTENCY_HEADER, idempotency_key.encode()))
    return Message(config.topic, key, value, tuple(headers))


async def run(ctx: NodeContext, config: KafkaPublishConfig) -> Done:
    """Publishes once. Errors: kafka_off, invalid_config, kafka_topic_invalid, kafka_message_too_large, kafka_not_allowed; and, worth another attempt,
    kafka_timeout (class timeout), kafka_unavailable and kafka_error (class connection)."""
    message = message_of(config, ctx.idempotency_key)
    try:
        client: Publisher = ctx.clients.get("kafka") or publisher(settings())
        published = await client.publish(message)
    except KafkaOff as error:
        raise ActionError(error.code, f"Kafka is off: {error.detail}") from None
    except PublishFailed as error:
        raise ActionError(error.code, error.detail, error_class=error.error_class) from None
    return Done({"topic": published.topic, "partition": published.partition, "offset": published.offset})


SPEC = ActionSpec(
    type="kafka.publish",
    title="Publish to Kafka",
    description="Sends a message to a Kafka topic and passes on once every in-sync replica has it.",
    kind="action",
    icon="messages",
    config_model=KafkaPublishConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={
        "type": "object",
        "properties": {"topic": {"type": "string"}, "partition": {"type": "integer"}, "offset": {"type": "integer"}},
        "required": ["topic", "partition", "offset"],
    },
    example={"topic": "orders", "key": "{{ input.customer }}", "value": {"order": "{{ input.id }}"}},
)

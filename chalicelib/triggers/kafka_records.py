"""Kafka records as Lambda's MSK event holds them, and what an execution sees of one. Pure.

A value becomes `input` by these rules. No value (a tombstone): null. A `content-type` header decides where there is one: JSON must be JSON, `text/*` is a
string, any other type stays bytes. Without one: JSON where it parses, bytes where it is no text, else a string; but text that opens like a JSON object or
array and does not parse is an error, since a workflow that expects an object must not be handed a string. Bytes are `{content_type, base64}`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.core.clock import to_text
from chalicelib.core.errors import BadRequest, InvalidJson, MillraceError, PayloadTooLarge
from chalicelib.core.jsontext import loads

SOURCES = ("aws:kafka", "SelfManagedKafka")
MAX_VALUE_BYTES = 1024 * 1024
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `timestamp` is in milliseconds since 1970, -1 when the topic has none."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def dedupe_key(self) -> str:
        """What makes a second delivery of this record start nothing. The timestamp tells a re-created topic from the old one."""
        return f"{self.topic}/{self.partition}/{self.offset}/{self.timestamp}"


def records_of(event: Mapping[str, Any]) -> Iterator[Record]:
    """The records of an MSK or self-managed Kafka event, in its order. Raises BadRequest for an event of another source."""
    if event.get("eventSource") not in SOURCES or not isinstance(event.get("records"), Mapping):
        raise BadRequest(f"this is no Kafka event: eventSource is {event.get('eventSource')!r}", code="invalid_event")
    for partition in event["records"].values():
        for raw in partition:
            yield record_of(raw)


def record_of(raw: Mapping[str, Any]) -> Record:
    """One record of an event; `as_event_record` is the way back."""
    return Record(
        topic=raw["topic"],
        partition=raw["partition"],
        offset=raw["offset"],
        timestamp=raw.get("timestamp", -1),
        timestamp_type=raw.get("timestampType", "CREATE_TIME"),
        key=_unbase64(raw.get("key")),
        value=_unbase64(raw.get("value")),
        headers=tuple((name, _header_bytes(value)) for header in raw.get("headers") or () for name, value in header.items()),
    )


def as_event_record(record: Record) -> dict[str, Any]:
    """The record as it stands in an event: key and value in base64, header values as lists of byte values. Nothing is lost."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestampType": record.timestamp_type,
        "key": _base64(record.key),
        "value": _base64(record.value),
        "headers": [{name: None if value is None else list(value)} for name, value in record.headers],
    }


def input_of(record: Record, form: str = "auto") -> Any:
    """The record's value as the raw `input` of an execution. `form`: auto (the rules above), or always json, text or binary.

    Raises PayloadTooLarge above 1 MB, InvalidJson for what claims to be JSON and is not, ValidationFailed for JSON that cannot be kept exactly.
    """
    if record.value is None:
        return None
    if len(record.value) > MAX_VALUE_BYTES:
        raise PayloadTooLarge(f"the value has {len(record.value)} bytes; at most {MAX_VALUE_BYTES} are taken")
    media_type = _media_type(record)
    if form != "auto":
        return _as_told(record.value, form, media_type)
    if media_type == "application/json" or media_type.endswith("+json"):
        return loads(record.value)
    if media_type and not media_type.startswith("text/"):
        return _opaque(record.value, media_type)
    text = _text(record.value)
    if text is None:
        return _opaque(record.value, media_type or _BYTES)
    return text if media_type else _json_or_text(text)


def _as_told(value: bytes, form: str, media_type: str) -> Any:
    if form == "json":
        return loads(value)
    if form == "binary":
        return _opaque(value, media_type or _BYTES)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the value is not UTF-8 text (byte {error.start})", code="invalid_text") from None


def entry_of(record: Record, value: Any) -> dict[str, Any]:
    """A record within the input of a batch."""
    return {
        "value": value,
        "key": _text_or_opaque(record.key),
        "headers": {name: _text_or_opaque(header) for name, header in record.headers},
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": timestamp_text(record.timestamp),
    }


def batch_context(trigger_id: str, records: Sequence[Record]) -> dict[str, Any]:
    """What expressions see as `trigger` of an execution for a batch: where it begins and ends."""
    first = trigger_context(trigger_id, records[0])
    return {**first, "key": None, "headers": {}, "last_offset": records[-1].offset, "count": len(records)}


def trigger_context(trigger_id: str, record: Record) -> dict[str, Any]:
    """What expressions see as `trigger`. Header names stay as they are; of a repeated header the last counts."""
    return {
        "type": "kafka",
        "id": trigger_id,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": timestamp_text(record.timestamp),
        "key": _text_or_opaque(record.key),
        "headers": {name: _text_or_opaque(value) for name, value in record.headers},
    }


def timestamp_text(milliseconds: int) -> str | None:
    """A record's time as RFC 3339; None when it has none, or one outside the years that can be written."""
    try:
        return None if milliseconds < 0 else to_text(datetime.fromtimestamp(milliseconds / 1000, UTC))
    except (OverflowError, ValueError, OSError):
        return None


def _json_or_text(text: str) -> Any:
    try:
        return loads(text)
    except InvalidJson as error:
        if text.lstrip()[:1] in ("{", "["):
            raise _claims_json(error) from None
        return text


def _claims_json(error: MillraceError) -> InvalidJson:
    return InvalidJson(
        f"the value opens like JSON but is not: {error.detail}; a text can say so with the header content-type: text/plain"
    )


def _media_type(record: Record) -> str:
    for name, value in reversed(record.headers):
        if name.lower() == "content-type" and value is not None:
            return value.decode("latin-1").partition(";")[0].strip().lower()
    return ""


def _text(data: bytes) -> str | None:
    """UTF-8 without control characters, else None: framed formats such as Avro's often decode as UTF-8 by accident, but begin with a NUL."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _text_or_opaque(data: bytes | None) -> Any:
    if data is None:
        return None
    text = _text(data)
    return _opaque(data, _BYTES) if text is None else text


def _opaque(data: bytes, media_type: str) -> dict[str, str]:
    return {"content_type": media_type, "base64": base64.b64encode(data).decode("ascii")}


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _unbase64(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _header_bytes(value: Sequence[int] | None) -> bytes | None:
    """Java's bytes are signed; both forms are met."""
    return None if value is None else bytes(byte & 0xFF for byte in value)

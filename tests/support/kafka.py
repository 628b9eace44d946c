"""The witness of messages: a plain consumer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaConsumer


def topic_reader(servers: str, topic: str) -> Callable[[int], list[dict[str, Any]]]:
    """Returns a function that reads the topic from its beginning until `count` messages are there (60 s at most), and a moment longer for any too many."""

    def read(count: int) -> list[dict[str, Any]]:
        consumer = KafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False, consumer_timeout_ms=1000)
        found: list[dict[str, Any]] = []
        end = time.monotonic() + 60
        try:
            while time.monotonic() < end:
                before = len(found)
                found += [json.loads(record.value) for record in consumer]
                if len(found) >= count and len(found) == before:
                    break
            return found
        finally:
            consumer.close()

    return read

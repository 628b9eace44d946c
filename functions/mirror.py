"""The mirror's Lambda entry point, every minute (EventBridge): brings EventBridge's alarms and Lambda's event source mappings to what the triggers want."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from chalicelib.core import metrics
from chalicelib.core.config import settings
from chalicelib.core.logging import logger
from chalicelib.mirror.service import run
from functions.manifest import KafkaRecords, started_by

SPARE_MS = 15_000


@lru_cache(maxsize=4)
def _client(service: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(service, config=Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """One run; answers with what it did. A run that fails, or never comes, is made up for by the next. `{"remove": true}` takes everything away, before a stack is deleted."""
    remaining = getattr(context, "get_remaining_time_in_millis", lambda: 60_000)
    source = started_by(KafkaRecords)[0].source
    assert isinstance(source, KafkaRecords)
    with metrics.emitted():
        report = run(
            settings(),
            _client,
            lambda: remaining() > SPARE_MS,
            batch_size=source.batch_size,
            window_seconds=source.window_seconds,
            remove=bool(event.get("remove")),
        )
    logger("mirror").info("mirrored", extra={"request_id": getattr(context, "aws_request_id", None), **report})
    return report

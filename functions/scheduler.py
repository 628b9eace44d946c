"""The Lambda entry point of the minute's tick (EventBridge scheduled event). What the event says does not matter; the database knows what is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core import metrics
from chalicelib.core.ids import new_id
from chalicelib.core.logging import logger
from chalicelib.scheduler.tick import run_tick


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Run one tick; answers with what it did. `context` may be None on the host: then nothing but a newer tick cuts the stay short."""
    with metrics.emitted():
        report = run_tick(new_id("tick"), remaining_ms=getattr(context, "get_remaining_time_in_millis", None)).as_dict()
    logger("scheduler").info(
        "tick ended", request_id=getattr(context, "aws_request_id", None), event_time=event.get("time"), **report
    )
    return report

"""The Lambda entry point of a schedule's own alarm in EventBridge: fires that schedule if it is due. The minute's tick does the same for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core import metrics
from chalicelib.core.db import transaction
from chalicelib.core.logging import logger
from chalicelib.engine.wake import wake
from chalicelib.scheduler.service import fire_batch


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Takes {"trigger_id"}, answers {"fired", "late", "skipped"}: zeros when the tick was first, when the alarm came early, and when it came twice."""
    trigger_id = str(event["trigger_id"])
    with metrics.emitted():
        with transaction() as connection:
            done = fire_batch(connection, 1, only=trigger_id)
        if done.started:
            wake()
        for outcome in ("fired", "late", "skipped"):
            if number := getattr(done, outcome):
                metrics.count("schedule_occurrences", number, outcome=outcome)
    report = {"fired": done.fired, "late": done.late, "skipped": done.skipped}
    logger("scheduler").info("alarm", extra={"request_id": getattr(context, "aws_request_id", None), "trigger_id": trigger_id, **report})
    return report

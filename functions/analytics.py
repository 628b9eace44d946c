"""The Lambda entry point of analytics: folds what has ended into the rollups, and counts anew when it is asked to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from chalicelib.analytics.folding import fold_all, recount_days
from chalicelib.core import metrics
from chalicelib.core.logging import logger

SPARE_MS = 10_000


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Fold until nothing is left or the time is nearly up; answers {"facts": n, "expired": n}.

    `{"recount": {"from": "2026-11-01", "to": "2026-11-24"}}` counts whole UTC days anew from history (`to` not included), and answers {"recounted": n}.
    """
    remaining = getattr(context, "get_remaining_time_in_millis", lambda: 60_000)
    with metrics.emitted():
        asked = event.get("recount")
        if asked:
            report = {"recounted": recount_days(date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"]))}
        else:
            report = fold_all(lambda: remaining() > SPARE_MS)
    if any(report.values()):
        logger("analytics").info("folded", request_id=getattr(context, "aws_request_id", None), **report)
    return report

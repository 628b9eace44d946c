"""What the door writes into the deliveries log by itself: duplicates and refusals.

At most LINES_PER_SECOND for each trigger and process, so that strangers cannot fill the disk; `times` of the next line of the same kind says for how many it
stands. Of callers that were not let in no body is kept.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import psycopg

from chalicelib.core import metrics
from chalicelib.core.errors import MillraceError
from chalicelib.core.hot import hot_execute
from chalicelib.core.ids import new_id
from chalicelib.core.logging import logger
from chalicelib.triggers.doors import Door
from chalicelib.triggers.health import printable
from chalicelib.triggers.visits import Visit, context_of, kept_apart, request_text

LINES_PER_SECOND = 5.0
BURST = 50.0
MAX_KEPT_BODY = 256 * 1024

_WRITE = """
INSERT INTO trigger_deliveries (trigger_id, id, method, outcome, status, code, detail, execution_id, body_bytes, request, times)
VALUES (%(trigger_id)s, %(id)s, %(method)s, %(outcome)s, %(status)s, %(code)s, %(detail)s, %(execution_id)s, %(body_bytes)s, %(request)s, %(times)s)
"""


def note_refusal(visit: Visit, error: MillraceError) -> None:
    """Write down a delivery that was refused, with why. A path without a trigger has no log; a database that is away can keep none."""
    metrics.count("trigger_deliveries", outcome="refused")
    if visit.door is None or (error.status >= 500 and error.code == "unavailable"):
        return
    _write(
        visit,
        {"outcome": "refused", "status": error.status, "code": error.code, "detail": printable(error.detail), "execution_id": None},
    )


def note_duplicate(visit: Visit, execution_id: str) -> None:
    """Write down a delivery that came before."""
    metrics.count("trigger_deliveries", outcome="duplicate")
    _write(visit, {"outcome": "duplicate", "status": 202, "code": None, "detail": None, "execution_id": execution_id})


def _write(visit: Visit, line: Mapping[str, Any]) -> None:
    door, delivery = visit.door, visit.delivery
    assert door is not None
    times = _may_write(door.row["id"], (line["outcome"], line["code"]))
    if not times:
        return
    kept = visit.admitted and len(delivery.body) <= MAX_KEPT_BODY and (line["execution_id"] is None or kept_apart(door))
    values = {
        **line,
        "trigger_id": door.row["id"],
        "id": new_id("dlv"),
        "times": times,
        "method": delivery.method[:20],
        "body_bytes": len(delivery.body),
        "request": _request(visit, door) if kept else None,
    }
    try:
        hot_execute(_WRITE, values)
    except psycopg.Error as error:  # the answer to the caller is worth more than its line in the log
        logger("ingress").warning(
            "a delivery is not in the log", extra={"trigger_id": door.row["id"], "error": type(error).__name__}
        )


def _request(visit: Visit, door: Door) -> str | None:
    try:
        return request_text(visit.delivery, context_of(door, visit.delivery, visit.proof))
    except MillraceError:
        return None


_allowance: dict[str, tuple[float, float]] = {}
_unsaid: Counter[tuple[str, tuple[str, str | None]]] = Counter()
_allowance_lock = threading.Lock()


def _may_write(trigger_id: str, kind: tuple[str, str | None]) -> int:
    """For how many deliveries of this kind a line may be written now: itself and those before it that got none; 0: this gets none either."""
    now = time.monotonic()
    with _allowance_lock:
        if len(_allowance) > 10_000:
            _allowance.clear()
            _unsaid.clear()
        left, at = _allowance.get(trigger_id, (BURST, now))
        left = min(BURST, left + (now - at) * LINES_PER_SECOND)
        _allowance[trigger_id] = (max(0.0, left - 1.0), now)
        if left < 1.0:
            _unsaid[trigger_id, kind] += 1
            return 0
        return 1 + _unsaid.pop((trigger_id, kind), 0)

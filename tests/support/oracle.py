"""What two other cron libraries say of a year: 20 zones and 30 expressions by cronsim and croniter, recorded in tests/unit/scheduler/oracle.json.

Recording takes minutes (croniter is slow), so it is done when the time zone data or the expressions change: `python -m tests.support.oracle`. A test compares
ours with the record, and a part of the record with the libraries.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from cronsim import CronSim

from chalicelib.triggers.cron import zone

FILE = Path(__file__).resolve().parents[1] / "unit" / "scheduler" / "oracle.json"
BEGIN, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "America/St_Johns",
    "America/Havana", "America/Santiago", "Africa/Cairo", "Africa/Casablanca", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Beirut",
    "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
)  # fmt: skip
EXPRESSIONS = (
    "0 * * * *", "30 * * * *", "*/15 * * * *", "5,35 9-17 * * MON-FRI", "0 0 * * *", "30 0 * * *", "30 1 * * *", "0 2 * * *", "30 2 * * *",
    "15 2,3 * * *", "0 3 * * *", "59 23 * * *", "0 */2 * * *", "30 */6 * * *", "0 1-4 * * *", "30 1,2,3 * * SUN", "0 9 1 * *", "0 9 15 JAN,JUL *",
    "0 12 L * *", "30 2 L * *", "0 8 * * MON#1", "30 2 * * SUN#4", "0 8 * * 5L", "30 2 * * 7", "0 9 29 2 *", "0 0 31 * *", "0 0 13 * FRI",
    "*/30 0-3 * * *", "0 30 2 * * *", "15 0 */4 * * *",
)  # fmt: skip


def cronsim_says(expression: str, zone_name: str) -> list[datetime]:
    """The year's instants in UTC."""
    walk = CronSim(expression, BEGIN.astimezone(zone(zone_name)))
    return [*takewhile(lambda at: at <= END, (local.astimezone(UTC) for local in walk))]


def croniter_says(expression: str, zone_name: str) -> list[datetime]:
    """The year's instants in UTC. croniter writes the last Friday as L5."""
    from croniter import croniter

    walk: Any = croniter(expression.replace("5L", "L5"), BEGIN.astimezone(zone(zone_name)), ret_type=datetime, second_at_beginning=True)
    return [*takewhile(lambda at: at <= END, (local.astimezone(UTC) for local in iter(walk)))]


def digest(found: Iterable[datetime]) -> str:
    """What tells one list of instants from another."""
    return hashlib.sha256("\n".join(f"{at:%Y-%m-%dT%H:%M:%S}" for at in found).encode()).hexdigest()[:20]


def entry(cronsim: Sequence[datetime], croniter: Sequence[datetime]) -> dict[str, Any]:
    """Where the two agree: how many, and their digest. Else also who says what alone."""
    if cronsim == croniter:
        return {"n": len(cronsim), "both": digest(cronsim)}
    return {
        "n": len(cronsim),
        "cronsim": digest(cronsim),
        "only_cronsim": [f"{at:%Y-%m-%dT%H:%M:%S}" for at in sorted(set(cronsim) - set(croniter))],
        "only_croniter": [f"{at:%Y-%m-%dT%H:%M:%S}" for at in sorted(set(croniter) - set(cronsim))],
    }


def main() -> None:
    """Record the year."""
    record = {}
    for zone_name in ZONES:
        for expression in EXPRESSIONS:
            record[f"{zone_name} {expression}"] = entry(cronsim_says(expression, zone_name), croniter_says(expression, zone_name))
        print(zone_name, file=sys.stderr, flush=True)
    FILE.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record.items()) + "\n}\n")


if __name__ == "__main__":
    main()

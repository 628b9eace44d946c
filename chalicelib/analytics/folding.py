"""The projector's edge: opens and commits its transactions. Called by the Lambda entry point, the host's loop and the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from chalicelib.analytics import projector
from chalicelib.core import metrics
from chalicelib.core.clock import utc_now
from chalicelib.core.config import settings
from chalicelib.core.db import engine, transaction
from chalicelib.core.ids import bound

EXPIRY_MINUTE = 7  # once an hour


def fold_all(has_time: Callable[[], bool]) -> dict[str, int]:
    """Fold until nothing is left or `has_time` says no. Each batch commits by itself."""
    facts = expired = 0
    while has_time():
        with transaction() as connection:
            folded = projector.fold_facts(connection, utc_now())
        facts += folded.facts
        metrics.count("facts_folded", folded.facts)
        if not folded.more:
            break
    if utc_now().minute == EXPIRY_MINUTE:
        with transaction() as connection:
            expired = projector.expire(connection, utc_now())
    return {"facts": facts, "expired": expired}


def recount_days(first: date, last: date, progress: Callable[[date, int], None] = lambda _day, _n: None) -> int:
    """Count the UTC days from `first` to before `last` anew, each in a transaction of its own; returns how many executions they hold."""
    total = 0
    for offset in range((last - first).days):
        day = first + timedelta(days=offset)
        start = datetime.combine(day, time(), UTC)
        with engine(settings().require_database_url()).connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            counted = projector.recount(connection, start, start + timedelta(days=1), bound("exe", start + timedelta(days=1, hours=1)), utc_now())
            connection.commit()
        progress(day, counted)
        total += counted
    return total

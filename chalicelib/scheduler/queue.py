"""Overlap `queue`: instants that wait in the ledger until the run before them has ended, oldest first, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from chalicelib.core.clock import to_text
from chalicelib.core.db import executor
from chalicelib.core.errors import MillraceError
from chalicelib.engine.starts import start_executions
from chalicelib.scheduler import repository
from chalicelib.scheduler.plan import GRACE
from chalicelib.scheduler.starts import blocked, input_schemas, start_row
from chalicelib.triggers.health import printable
from chalicelib.triggers.types.schedule import delay_of, read_config


def release_queued(connection: Connection, limit: int) -> int:
    """Let the oldest waiting instant run for each schedule of which nothing runs; returns how many were started. Call `wake()` after the commit.

    The trigger's lock makes one tick the judge, as for what comes due; the row of the ledger is changed only while it still waits.
    """
    rows = repository.claim_queued(connection, limit)
    live = repository.live_runs(connection, [row["id"] for row in rows])
    free = [row for row in rows if row["id"] not in live]
    schemas = input_schemas(connection, [row["definition_id"] for row in free if row["definition_id"]])
    return sum(_release(connection, row, schemas) for row in free)


def _release(connection: Connection, row: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    planned_at = repository.oldest_queued(connection, row["id"])
    if planned_at is None:  # another tick was faster
        return False
    reason, execution_id = blocked(row), None
    late = False
    if reason is None:
        reason, execution_id, late = _start(connection, row, planned_at, schemas)
    outcome = "skipped" if execution_id is None else "late" if late else "fired"
    fate = {
        "trigger_id": row["id"],
        "planned_at": to_text(planned_at),
        "outcome": outcome,
        "reason": reason,
        "execution_id": execution_id,
    }
    repository.correct(connection, [fate])
    if execution_id is not None:
        repository.note_fired(connection, row["id"])
    return execution_id is not None


def _start(
    connection: Connection, row: Mapping[str, Any], planned_at: datetime, schemas: Mapping[str, Any]
) -> tuple[str | None, str | None, bool]:
    """Why it did not start, the execution if it did, and whether that is late."""
    try:
        config = read_config(row["config"])
        wish = start_row(row, config, planned_at, schemas[row["definition_id"]])
    except (MillraceError, ValidationError, ValueError) as error:
        return printable(f"input_failed: {getattr(error, 'detail', error)}"), None, False
    answer = start_executions(executor(connection), [wish])[0]
    if answer.execution_id is None or answer.verdict not in ("started", "duplicate"):
        return answer.verdict, None, False
    return None, answer.execution_id, row["now"] - planned_at - delay_of(config, row["id"]) > GRACE

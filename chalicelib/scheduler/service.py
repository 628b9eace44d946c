"""Firing due schedules, a batch at a time, and reading the ledger. Every function works in its caller's transaction.

An occurrence's row in the ledger and its execution are written in one transaction, and the row's key (trigger, planned instant) decides: what is already in
the ledger starts nothing, so neither two ticks, nor an event delivered five times, nor a tick repeated after a crash fires an instant twice.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from chalicelib.core.clock import parse, to_text
from chalicelib.core.db import executor
from chalicelib.core.errors import BadRequest, Conflict, MillraceError
from chalicelib.engine.signals import send_signal
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.scheduler import repository
from chalicelib.scheduler.plan import Decision, Plan, Running, plan_occurrences
from chalicelib.scheduler.starts import blocked, input_schemas, start_row
from chalicelib.triggers.health import printable
from chalicelib.triggers.types.schedule import ScheduleConfig, delay_of, instants, read_config, upcoming

UPCOMING = 20
LINES_PER_BATCH = 5000  # ledger rows; a batch that has so many leaves its other triggers to the next one
ROWS_PER_START, BYTES_PER_START = 1000, 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of one batch: how many triggers were settled, how many occurrences had which fate, the greatest delay in seconds of one that ran, and
    whether more may be due."""

    claimed: int = 0
    fired: int = 0
    late: int = 0
    skipped: int = 0
    lag_seconds: float = 0.0
    more: bool = False

    def __add__(self, other: Batch) -> Batch:
        return Batch(
            self.claimed + other.claimed,
            self.fired + other.fired,
            self.late + other.late,
            self.skipped + other.skipped,
            max(self.lag_seconds, other.lag_seconds),
            other.more,
        )

    @property
    def started(self) -> int:
        """How many executions were started."""
        return self.fired + self.late


@dataclass(slots=True)
class _Due:
    """One claimed trigger on its way through the batch."""

    row: Mapping[str, Any]
    config: ScheduleConfig | None
    unhealthy: str | None = None
    judged: bool = False
    plan: Plan = Plan((), None)
    started: int = 0
    live: list[str] = field(default_factory=list)
    queued: int = 0
    lines: list[_Line] = field(default_factory=list)


@dataclass(slots=True)
class _Line:
    """One ledger row to be: the decision, and what to start when it is to run."""

    due: _Due
    decision: Decision
    start: StartRow | None = None

    def as_row(self) -> dict[str, Any]:
        return {
            "trigger_id": self.due.row["id"],
            "planned_at": to_text(self.decision.planned_at),
            "workspace_id": self.due.row["workspace_id"],
            "outcome": self.decision.outcome,
            "reason": self.decision.reason,
            "execution_id": self.start.execution_id if self.start else None,
        }

    def skip(self, reason: str) -> None:
        self.decision, self.start = Decision(self.decision.planned_at, "skipped", reason), None


def fire_batch(connection: Connection, limit: int, only: str | None = None) -> Batch:
    """Fire what is due of at most `limit` schedules: ledger rows and executions together, then when each is next due.

    Exactly once per (trigger, planned instant), whoever else does the same at the same time. Call `wake()` after the commit when `started` is not zero.
    """
    rows = repository.claim_due(connection, limit, only)
    if not rows:
        return Batch()
    all_due = [_read(row) for row in rows]
    careful = [due.row["id"] for due in all_due if due.config and due.config.overlap != "allow"]
    live, queued = repository.live_runs(connection, careful), repository.count_queued(connection, careful)
    schemas = input_schemas(connection, [row["definition_id"] for row in rows if row["definition_id"]])
    for due in all_due:
        due.live, due.queued = live.get(due.row["id"], []), queued.get(due.row["id"], 0)
    settled = _plan_up_to_limit(all_due, schemas)
    lines = [line for due in settled for line in due.lines]
    new = repository.record(connection, [line.as_row() for line in lines])
    lines = [line for line in lines if (line.due.row["id"], line.decision.planned_at) in new]
    _cancel_replaced(connection, lines)
    for chunk in _chunks([line for line in lines if line.start]):
        _start(connection, chunk)
    repository.settle(connection, [_state(due) for due in settled if due.config])
    for due in settled:
        if due.config is None:
            repository.postpone(connection, due.row["id"], due.unhealthy or "")
    return _summary(settled, lines, more=len(rows) == limit or len(settled) < len(rows))


def _plan_up_to_limit(all_due: list[_Due], schemas: Mapping[str, Any]) -> list[_Due]:
    """Plan triggers until the batch has LINES_PER_BATCH ledger rows; returns those planned. The others stay due."""
    lines = 0
    for number, due in enumerate(all_due, start=1):
        _plan(due, schemas)
        lines += len(due.lines)
        if lines >= LINES_PER_BATCH:
            return all_due[:number]
    return all_due


def _read(row: Mapping[str, Any]) -> _Due:
    try:
        return _Due(row, read_config(row["config"]))
    except (ValidationError, ValueError, MillraceError) as error:
        return _Due(row, None, unhealthy=printable(f"the schedule can no longer be read: {error}"))


def _plan(due: _Due, schemas: Mapping[str, Any]) -> None:
    """Decide the trigger's instants and prepare what is to be started."""
    row, config = due.row, due.config
    if config is None:
        return
    due.plan = plan_occurrences(
        config,
        row["created_at"],
        row["planned_through"] or row["created_at"],
        row["now"],
        running=Running(bool(due.live), due.queued),
        delay=delay_of(config, row["id"]),
    )
    why_not = blocked(row)
    for decision in due.plan.decisions:
        line = _Line(due, decision)
        due.lines.append(line)
        if decision.outcome == "skipped":
            continue
        if why_not:
            line.skip(why_not)
            continue
        if decision.outcome == "pending":
            continue
        due.judged = True
        try:
            line.start = start_row(row, config, decision.planned_at, schemas[row["definition_id"]])
        except MillraceError as error:  # the mapping or the input schema refuses: the trigger's fault, nobody else's
            due.unhealthy = printable(f"input_failed: {error.detail}")
            line.skip(due.unhealthy)


def _cancel_replaced(connection: Connection, lines: list[_Line]) -> None:
    """Overlap `replace`: ask the runs that a new one takes the place of to stop."""
    replaced = {
        due.row["id"]: due.live
        for due in (line.due for line in lines if line.start)
        if due.config and due.config.overlap == "replace"
    }
    for execution_id in sorted(execution_id for live in replaced.values() for execution_id in live):
        send_signal(executor(connection), execution_id, "cancel", "")


def _chunks(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Groups of bounded rows and, nearly, bytes, so that no statement grows with what users put into their inputs."""
    chunk: list[_Line] = []
    size = 0
    for line in lines:
        length = len(line.due.row["config"]) + len(line.due.row["input"] or "")
        if chunk and (len(chunk) == ROWS_PER_START or size + length > BYTES_PER_START):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += length
    if chunk:
        yield chunk


def _start(connection: Connection, lines: list[_Line]) -> None:
    """Start the executions of ledger rows just inserted, and correct the rows of those that did not start."""
    answers = start_executions(executor(connection), [line.start for line in lines if line.start])
    wrong = []
    for line, answer in zip(lines, answers, strict=True):
        if answer.verdict == "started":
            line.due.started += 1
        elif answer.verdict == "duplicate":  # the ledger was pruned but the start key was not: that execution is this occurrence's
            wrong.append({**line.as_row(), "execution_id": answer.execution_id})
        else:
            line.skip(answer.verdict)
            wrong.append(line.as_row())
    repository.correct(connection, wrong)


def _state(due: _Due) -> dict[str, Any]:
    return {
        "id": due.row["id"],
        "next_fire_at": to_text(due.plan.next_fire_at),
        "fired": due.started > 0,
        "judged": due.judged,
        "unhealthy_reason": due.unhealthy,
    }


def _summary(settled: list[_Due], lines: list[_Line], *, more: bool) -> Batch:
    outcomes = [line.decision.outcome for line in lines]
    lags = [
        (line.due.row["now"] - line.decision.planned_at - delay_of(line.due.config, line.due.row["id"])).total_seconds()
        for line in lines
        if line.start and line.due.config
    ]
    return Batch(
        len(settled), outcomes.count("fired"), outcomes.count("late"), outcomes.count("skipped"), max(lags, default=0.0), more
    )


def occurrences(connection: Connection, trigger: Mapping[str, Any], limit: int, cursor: str | None) -> dict[str, Any]:
    """A schedule's ledger as `GET /triggers/{id}/occurrences` answers it: `{items, next_cursor, upcoming}`.

    `trigger` is the row of `triggers`. Items are `{planned_at, outcome, reason, execution_id}`, newest first; instants that are due and not yet decided come
    first, as `pending`, on the first page. `upcoming` is the next 20 instants; empty for a disabled trigger. Raises BadRequest `invalid_cursor`, and Conflict
    `not_a_schedule` for triggers of other types.
    """
    if trigger["type"] != "schedule":
        raise Conflict("only schedule triggers have occurrences", code="not_a_schedule")
    before = _read_cursor(cursor)
    now = repository.database_now(connection)
    recorded = repository.ledger(connection, trigger["id"], limit + 1, before)
    items = [{**row, "planned_at": to_text(row["planned_at"])} for row in recorded[:limit]]
    following = _write_cursor(recorded[limit - 1]["planned_at"]) if len(recorded) > limit else None
    pending, coming = _ahead(trigger, now)
    if before is None:
        items = [{"planned_at": at, "outcome": "pending", "reason": None, "execution_id": None} for at in pending] + items
    return {"items": items, "next_cursor": following, "upcoming": coming}


def _ahead(trigger: Mapping[str, Any], now: datetime) -> tuple[list[str | None], list[str | None]]:
    """Due but undecided instants (newest first) and the coming ones of a trigger, as text."""
    if not trigger["enabled"]:
        return [], []
    try:
        config = read_config(trigger["config"])
    except (ValidationError, ValueError, MillraceError):
        return [], []
    delay = delay_of(config, trigger["id"])
    now, since = now - delay, (trigger["planned_through"] or trigger["created_at"]) - delay
    pending: list[str | None] = []
    for at in instants(config, trigger["created_at"], since):
        if at > now or len(pending) == UPCOMING:
            break
        pending.append(to_text(at))
    return pending[::-1], [to_text(at) for at in upcoming(config, trigger["created_at"], now, UPCOMING)]


def _write_cursor(planned_at: datetime) -> str:
    return base64.urlsafe_b64encode((to_text(planned_at) or "").encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        return parse(text).astimezone(UTC)
    except (ValueError, binascii.Error, OverflowError):
        raise BadRequest("the cursor is not one this list gave out", code="invalid_cursor") from None

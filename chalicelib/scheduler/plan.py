"""What to do with the instants of one schedule that came due since it was last looked at. Pure; tested by tables.

An instant is *missed* when more than GRACE has passed since it. As long as none is missed everything due runs: a slow second drops nothing. Once one is missed
there was an outage, and the misfire policy speaks for all that is due: `last` runs the newest only, `all` the newest `misfire_cap`, `skip` those not missed.

What runs while an earlier run has not ended: `allow` everything, `skip` nothing, `queue` afterwards one by one (until then `pending`), `replace` the newest instead
of whatever is running.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.core.clock import to_text
from chalicelib.triggers.types.schedule import ScheduleConfig, first_fire, instants, newest

GRACE = timedelta(seconds=60)
RECORD_CAP = 200
QUEUE_CAP = 100

MISFIRE_SKIP = "misfire_skip"
OVERLAP = "overlap"
QUEUED = "overlap_queued"
QUEUE_FULL = "overlap_queue_full"
REPLACED = "overlap_replaced"


@dataclass(frozen=True, slots=True)
class Decision:
    """The fate of one planned instant. `reason` says why it is skipped, or waits; it is None for the others."""

    planned_at: datetime
    outcome: Literal["fired", "late", "skipped", "pending"]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions, oldest first, and the first instant after the present (None: the schedule has ended)."""

    decisions: tuple[Decision, ...]
    next_fire_at: datetime | None


@dataclass(frozen=True, slots=True)
class Running:
    """What of a schedule has not ended yet: whether a run has not, and how many instants wait for their turn."""

    live: bool = False
    queued: int = 0


def plan_occurrences(
    config: ScheduleConfig,
    created_at: datetime,
    planned_through: datetime,
    now: datetime,
    *,
    running: Running = Running(),
    delay: timedelta = timedelta(0),
) -> Plan:
    """Decide every instant in (planned_through, now], each taken to come `delay` later than planned. `running` matters for the overlap policies only.

    At most `misfire_cap` run after an outage. At most RECORD_CAP (or that many) are decided one by one, the newest; should there be more, the oldest stands for
    the rest and its reason says so.
    """
    planned_through, now = planned_through - delay, now - delay
    due: list[datetime] = []
    for at in instants(config, created_at, planned_through):
        if at > now:
            return Plan(_decide(config, due, now, running), at + delay)
        due.append(at)
        if len(due) > _record_cap(config):
            return _after_long_outage(config, created_at, planned_through, now, due[0], running, delay)
    return Plan(_decide(config, due, now, running), None)


def _record_cap(config: ScheduleConfig) -> int:
    return max(RECORD_CAP, config.misfire_cap)


def _after_long_outage(
    config: ScheduleConfig,
    created_at: datetime,
    planned_through: datetime,
    now: datetime,
    oldest: datetime,
    running: Running,
    delay: timedelta,
) -> Plan:
    listed = newest(config, created_at, planned_through, now, _record_cap(config))
    reason = f"{MISFIRE_SKIP}: this instant and all before {to_text(listed[0])}, which are not listed one by one"
    summary = Decision(oldest, "skipped", reason)
    following = first_fire(config, created_at, now)
    return Plan((summary, *_decide(config, listed, now, running)), None if following is None else following + delay)


def _decide(config: ScheduleConfig, due: list[datetime], now: datetime, running: Running) -> tuple[Decision, ...]:
    chosen = _by_misfire(config, due, now)
    decisions = [
        Decision(at, "late" if now - at > GRACE else "fired") if at in chosen else Decision(at, "skipped", MISFIRE_SKIP)
        for at in due
    ]
    if config.overlap == "skip":
        return tuple(_one_at_a_time(decisions, running.live))
    if config.overlap == "queue":
        return tuple(_one_by_one(decisions, running))
    return tuple(_newest_only(decisions) if config.overlap == "replace" else decisions)


def _by_misfire(config: ScheduleConfig, due: list[datetime], now: datetime) -> set[datetime]:
    if not due or now - due[0] <= GRACE:
        return set(due)
    if config.misfire == "last":
        return {due[-1]}
    if config.misfire == "all":
        return set(due[-config.misfire_cap :])
    return {at for at in due if now - at <= GRACE}


def _one_by_one(decisions: list[Decision], running: Running) -> list[Decision]:
    """Let the oldest run, if nothing is running or waiting; the others wait for their turn, at most QUEUE_CAP of them."""
    kept, busy, queued = [], running.live or running.queued > 0, running.queued
    for decision in decisions:
        if decision.outcome != "skipped":
            if busy and queued < QUEUE_CAP:
                decision, queued = replace(decision, outcome="pending", reason=QUEUED), queued + 1
            elif busy:
                decision = replace(decision, outcome="skipped", reason=QUEUE_FULL)
            busy = True
        kept.append(decision)
    return kept


def _newest_only(decisions: list[Decision]) -> list[Decision]:
    """Of several that are due at once only the newest would be left running."""
    running = [decision for decision in decisions if decision.outcome != "skipped"]
    return [
        replace(decision, outcome="skipped", reason=REPLACED) if decision in running[:-1] else decision for decision in decisions
    ]


def _one_at_a_time(decisions: list[Decision], live: bool) -> list[Decision]:
    """Let the oldest run, if nothing is running; whatever comes due with it overlaps it."""
    kept = []
    for decision in decisions:
        if decision.outcome != "skipped":
            decision = replace(decision, outcome="skipped", reason=OVERLAP) if live else decision
            live = True
        kept.append(decision)
    return kept

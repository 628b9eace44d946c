"""What to do with the instants of one schedule that came due since it was last looked at. Pure; tested by tables.

An instant is *missed* when more than GRACE has passed since it. As long as none is missed everything due runs: a slow second drops nothing. Once one is missed
there was an outage, and the misfire policy speaks for all that is due: `last` runs the newest only, `all` the newest FIRE_CAP, `skip` those not missed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.core.clock import to_text
from chalicelib.triggers.types.schedule import ScheduleConfig, first_fire, instants, newest

GRACE = timedelta(seconds=60)
FIRE_CAP = 100
RECORD_CAP = 200

MISFIRE_SKIP = "misfire_skip"
OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class Decision:
    """The fate of one planned instant. `reason` says why it is skipped, and is None for the others."""

    planned_at: datetime
    outcome: Literal["fired", "late", "skipped"]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions, oldest first, and the first instant after the present (None: the schedule has ended)."""

    decisions: tuple[Decision, ...]
    next_fire_at: datetime | None


def plan_occurrences(config: ScheduleConfig, created_at: datetime, planned_through: datetime, now: datetime, *, live: bool) -> Plan:
    """Decide every instant in (planned_through, now]. `live`: a run of this schedule has not ended yet (matters for overlap `skip` only).

    At most FIRE_CAP run. At most RECORD_CAP are decided one by one, the newest; should there be more, the oldest stands for the rest and its reason says so.
    """
    due: list[datetime] = []
    for at in instants(config, created_at, planned_through):
        if at > now:
            return Plan(_decide(config, due, now, live), at)
        due.append(at)
        if len(due) > RECORD_CAP:
            return _after_long_outage(config, created_at, planned_through, now, due[0], live)
    return Plan(_decide(config, due, now, live), None)


def _after_long_outage(
    config: ScheduleConfig, created_at: datetime, planned_through: datetime, now: datetime, oldest: datetime, live: bool
) -> Plan:
    listed = newest(config, created_at, planned_through, now, RECORD_CAP)
    reason = f"{MISFIRE_SKIP}: this instant and all before {to_text(listed[0])}, which are not listed one by one"
    summary = Decision(oldest, "skipped", reason)
    return Plan((summary, *_decide(config, listed, now, live)), first_fire(config, created_at, now))


def _decide(config: ScheduleConfig, due: list[datetime], now: datetime, live: bool) -> tuple[Decision, ...]:
    chosen = _by_misfire(config, due, now)
    decisions = [
        Decision(at, "late" if now - at > GRACE else "fired") if at in chosen else Decision(at, "skipped", MISFIRE_SKIP)
        for at in due
    ]
    return tuple(decisions if config.overlap == "allow" else _without_overlap(decisions, live))


def _by_misfire(config: ScheduleConfig, due: list[datetime], now: datetime) -> set[datetime]:
    if not due or now - due[0] <= GRACE:
        return set(due)
    if config.misfire == "last":
        return {due[-1]}
    if config.misfire == "all":
        return set(due[-FIRE_CAP:])
    return {at for at in due if now - at <= GRACE}


def _without_overlap(decisions: list[Decision], live: bool) -> list[Decision]:
    """Let the oldest run, if nothing is running; whatever comes due with it overlaps it."""
    kept = []
    for decision in decisions:
        if decision.outcome != "skipped":
            decision = replace(decision, outcome="skipped", reason=OVERLAP) if live else decision
            live = True
        kept.append(decision)
    return kept

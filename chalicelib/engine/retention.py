"""How long history is kept, decided purely. A workflow's live version says `settings.retention_days` and `settings.retention_bytes`; MILLRACE_RETENTION_DAYS holds for
those that say nothing. Without any of them: for ever.

History lies in a partition for each month. A month is dropped, which costs nothing and leaves no bloat, when everything in it is over; so an execution may be kept
up to a month longer than its workflow asks. Rows are deleted only where waiting for that would be wrong: where others of the month are kept longer, where days are few,
and where bytes are too many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WHOLE_MONTHS_FROM_DAYS = 28  # who keeps history for fewer days has it deleted by the day


@dataclass(frozen=True, slots=True)
class Keep:
    """What a workflow asks for; None: without limit."""

    days: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """One month's history and the workflows that have executions in it. `name` is its suffix, such as 2026_01; None: what stands outside all months."""

    name: str | None
    begins: datetime
    ends: datetime
    workflows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expired:
    """Executions of a workflow, begun in a month, that ended before `before` are to be deleted."""

    month: Month
    workflow_id: str
    before: datetime


@dataclass(frozen=True, slots=True)
class Over:
    """A month that may go as a whole, if nothing in it is needed, and nothing in it ended after `before`."""

    month: Month
    before: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """Months to drop, and what is to be deleted from others."""

    drop: tuple[Over, ...]
    delete: tuple[Expired, ...]


def plan(months: Sequence[Month], keep: Mapping[str, Keep], default_days: int | None, now: datetime) -> Plan:
    """What may go now."""
    drop, delete = [], []
    for month in months:
        days = {own_id: _days(keep.get(own_id), default_days) for own_id in month.workflows}
        longest = None if None in days.values() else max((each for each in days.values() if each is not None), default=0)
        if month.name is not None and longest is not None and month.ends + timedelta(days=longest) <= now:
            drop.append(Over(month, now - timedelta(days=longest)))
            continue
        for own_id, own in days.items():
            whole = month.name is not None and own == longest and own is not None and own >= WHOLE_MONTHS_FROM_DAYS
            if own is not None and not whole and month.begins + timedelta(days=own) <= now:
                delete.append(Expired(month, own_id, now - timedelta(days=own)))
    return Plan(tuple(drop), tuple(delete))


def _days(asked: Keep | None, default: int | None) -> int | None:
    return asked.days if asked is not None and asked.days is not None else default

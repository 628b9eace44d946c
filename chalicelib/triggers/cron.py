"""Cron arithmetic: expressions and time zones in, instants in UTC out. Pure; the present is always an argument.

cronsim reads the expression and walks the wall clock without a zone; what happens when the wall clock jumps is decided here, in two sentences:

* A *timed* expression (5 fields, neither minute nor hour starting with `*`) runs once for each local time it names: a time that the clock jumps over runs
  at the first instant after the jump, a time that comes twice runs the first time only.
* Any other expression runs whenever the clock on the wall shows a matching time: skipped times do not run, repeated times run twice.

These are Debian cron's rules, and cronsim's own; a ClockRule may say otherwise for one schedule. cronsim would also walk the zone itself, but it steps by whole hours and so loses runs where the clock moves
by half an hour (Lord Howe), and, started inside a repeated hour, it can answer with instants that are already past. docs/architecture/schedules.md has the tables.
"""

from __future__ import annotations

import difflib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from importlib import resources
from itertools import takewhile
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MAX_LENGTH = 200
# Every civil zone's backward jump since 1970 is shorter than this (the longest known is three hours: Casey, 2010 and later).
LONGEST_REPEAT = timedelta(hours=3)
_SECOND = timedelta(seconds=1)
_BEFORE = timedelta(microseconds=1)
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall-clock time without a zone, only to ask whether an expression ever matches

# name, what it may hold, how many values there are (the longest sensible step)
_FIELDS = (
    ("second", "0-59", 60),
    ("minute", "0-59", 60),
    ("hour", "0-23", 24),
    ("day-of-month", "1-31, L (last day) or LW (last weekday)", 31),
    ("month", "1-12 or JAN-DEC", 12),
    ("day-of-week", "0-7 (0 and 7 are Sunday) or SUN-SAT, also MON#2 (second Monday) and 5L (last Friday)", 7),
)


class CronError(ValueError):
    """An expression that cannot be read or never matches; the message names the field."""


class ZoneError(ValueError):
    """A time zone that is not in the IANA database; the message names the nearest one."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A checked expression. `timed`: which of the two rules above applies when clocks change."""

    text: str
    timed: bool


@dataclass(frozen=True, slots=True)
class ClockRule:
    """What happens when clocks change. `skipped`: a time that the clock jumps over; `repeated`: one that comes twice. `auto`: as the two rules above say."""

    skipped: Literal["auto", "run", "skip"] = "auto"
    repeated: Literal["auto", "first", "second", "both"] = "auto"

    def runs_skipped(self, cron: Cron) -> bool:
        """Whether a time that the clock jumps over runs at the first instant after the jump."""
        return cron.timed if self.skipped == "auto" else self.skipped == "run"

    def of_repeated(self, cron: Cron) -> str:
        """Which passes of a time that comes twice run: first, second or both."""
        return ("first" if cron.timed else "both") if self.repeated == "auto" else self.repeated


AUTO = ClockRule()


@lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    """Check a cron expression of 5 fields (minute first) or 6 (second first). Raises CronError."""
    if len(expression) > MAX_LENGTH:
        raise CronError(f"a cron expression has at most {MAX_LENGTH} characters")
    parts = expression.split()
    if len(parts) not in (5, 6):
        raise CronError(
            "a cron expression has 5 fields (minute, hour, day-of-month, month, day-of-week) or 6 (with the second in front), "
            f"this one has {len(parts)}"
        )
    for position, part in enumerate(parts, start=6 - len(parts)):
        _check_field(position, part)
    text = " ".join(parts)
    _check_ever(text)
    return Cron(text, timed=len(parts) == 5 and not parts[0].startswith("*") and not parts[1].startswith("*"))


def _check_field(position: int, part: str) -> None:
    name, allowed, size = _FIELDS[position]
    alone = ["*"] * 6
    alone[position] = part
    try:
        CronSim(" ".join(alone), _EPOCH)
    except CronSimError:
        raise CronError(
            f"the {name} field {part!r} is not valid: it takes {allowed}, *, lists (1,2), rising ranges (1-5) and steps (*/2)"
        ) from None
    for step in re.findall(r"/(\d+)", part):
        if int(step) > size:
            raise CronError(
                f"the {name} field {part!r} has a step of {step}, longer than its {size} values; use every_seconds for long intervals"
            )


def _check_ever(text: str) -> None:
    try:
        found = next(CronSim(text, _EPOCH), None)
    except CronSimError:
        found = None
    if found is None:
        raise CronError("no month ever has a day that matches the day-of-month, month and day-of-week fields together")


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every IANA zone of the pinned tzdata package. The machine's own zone files are not used, so that all homes agree on every instant."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split()) - {"Factory"}


@lru_cache(maxsize=700)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as Europe/Berlin. Raises ZoneError."""
    if name not in zone_names():
        near = _nearest_zone(name)
        raise ZoneError(
            f"{name[:60]!r} is not an IANA time zone such as Europe/Berlin" + (f"; did you mean {near}?" if near else "")
        )
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


def _nearest_zone(name: str) -> str | None:
    by_lower = {known.lower(): known for known in sorted(zone_names(), reverse=True)}
    wanted = name[:60].strip().lower().replace(" ", "_")
    cities = {lower.rsplit("/", 1)[-1]: known for lower, known in by_lower.items() if "/" in lower}
    if wanted in by_lower or wanted in cities:
        return by_lower.get(wanted) or cities[wanted]
    for names in (by_lower, cities):
        close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.7)
        if close:
            return names[close[0]]
    return None


def instants(cron: Cron, tz: ZoneInfo, after: datetime, rule: ClockRule = AUTO) -> Iterator[datetime]:
    """Every instant strictly after `after`, in UTC, strictly increasing. Ends when nothing matches for fifty years."""
    last = after
    for at in _walk(cron, tz, after, rule):
        if at > last:
            last = at
            yield at


def newest(cron: Cron, tz: ZoneInfo, after: datetime, until: datetime, n: int, rule: ClockRule = AUTO) -> list[datetime]:
    """The newest `n` instants in (after, until], oldest first, without walking through all the older ones."""
    start, found, last = after, 0, None
    for local in CronSim(cron.text, _wall(tz, until), reverse=True):
        found_here = _passes(local, cron, tz, rule)
        at = found_here[0] if found_here else None
        if at is None or at == last or at > until:
            continue
        if at <= after:
            break
        found, last = found + 1, at
        if found == n:
            start = at - _BEFORE
            break
    return list(deque(takewhile(lambda at: at <= until, instants(cron, tz, start, rule)), maxlen=n))


def _walk(cron: Cron, tz: ZoneInfo, after: datetime, rule: ClockRule) -> Iterator[datetime]:
    later: list[datetime] = []  # second passes, held back until the walk has gone beyond them
    start = _wall(tz, after)
    if rule.of_repeated(cron) != "first":
        # If the clock is about to go back, times it has already shown come again: begin early enough to see them.
        start = min(start, after.astimezone(UTC).replace(tzinfo=None) + _offset(tz, after + LONGEST_REPEAT))
    for local in CronSim(cron.text, start):
        first = _both(local, tz)[0]
        while later and later[0] < first:
            yield heappop(later)
        for at in _passes(local, cron, tz, rule):
            if at > first:
                heappush(later, at)
            else:
                yield at
    while later:
        yield heappop(later)


def _passes(local: datetime, cron: Cron, tz: ZoneInfo, rule: ClockRule) -> tuple[datetime, ...]:
    """The instants at which a wall-clock time runs, in order."""
    first, second = _both(local, tz)
    if second == first:
        return (first,)
    if second < first:
        return (_jump(tz, second, first),) if rule.runs_skipped(cron) else ()
    return {"first": (first,), "second": (second,), "both": (first, second)}[rule.of_repeated(cron)]


def _both(local: datetime, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """The two readings of a wall-clock time (PEP 495): equal as a rule, in order when it comes twice, in reverse when the clock jumps over it."""
    return local.replace(tzinfo=tz, fold=0).astimezone(UTC), local.replace(tzinfo=tz, fold=1).astimezone(UTC)


def _jump(tz: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant in (low, high] from which the later offset holds, to the second."""
    before = _offset(tz, low)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(tz, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(tz: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(tz).utcoffset()
    assert offset is not None  # a ZoneInfo always knows
    return offset


def _wall(tz: ZoneInfo, at: datetime) -> datetime:
    return at.astimezone(tz).replace(tzinfo=None, microsecond=0)

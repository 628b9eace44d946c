"""Which buckets answer a question about a span of time. Pure.

Rollups are kept by minute, hour and day, in UTC, each level as long as KEPT says. A span is widened to the finest buckets that are still kept at its ends, and
answered by as few buckets as can be: days in its middle, hours and minutes at its edges. A series has at most MAX_POINTS points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAX_POINTS = 300
MAX_DAYS = 3_660
LEVELS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
KEPT = {"minute": timedelta(days=3), "hour": timedelta(days=120), "day": timedelta(days=MAX_DAYS)}
# What a point of a series may span, by the name it is asked for.
STEPS = {
    "minute": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "3h": timedelta(hours=3),
    "6h": timedelta(hours=6),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "30d": timedelta(days=30),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Segment:
    """From (included) to (not included), to be answered by the buckets of one level."""

    level: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """From (included) to (not included); `segments` cover it without gap or overlap. `step` is what a point of a series spans."""

    start: datetime
    end: datetime
    step: timedelta
    segments: tuple[Segment, ...]

    @property
    def points(self) -> int:
        """How many steps there are."""
        return -((self.start - self.end) // self.step)

    def at(self, index: int) -> datetime:
        """Where a point begins."""
        return self.start + index * self.step

    def before(self, now: datetime) -> Span:
        """The span of the same length just before, to compare with."""
        return span_for(self.start - (self.end - self.start), self.start, now)


def span_for(start: datetime, end: datetime, now: datetime) -> Span:
    """The span as one answer."""
    first = _down(start, LEVELS[_finest(start, now)])
    last = max(_up(end, LEVELS[_finest_end(end, now)]), first + LEVELS["minute"])
    return Span(first, last, last - first, tuple(_cover(first, last, ("day", "hour", "minute"))))


def steps_for(start: datetime, end: datetime, now: datetime, asked: str | None) -> Span:
    """The span cut into points: as asked, or into the finest steps that keep within MAX_POINTS. Raises ValueError, saying what to ask for instead."""
    few = {name: step for name, step in STEPS.items() if (end - start) / step <= MAX_POINTS - 1}
    possible = [name for name, step in few.items() if step >= LEVELS[_finest(_down(start, step), now)]]
    name = asked or possible[0]
    if name not in possible:
        raise ValueError(f"{name} gives more than {MAX_POINTS} points, or is finer than what is kept of that time; ask for {' or '.join(possible[:3])}")
    step = STEPS[name]
    level = max((level for level in LEVELS if LEVELS[level] <= step), key=lambda level: LEVELS[level])
    first = _down(start, step)
    last = max(_up(end, step), first + step)
    return Span(first, last, step, (Segment(level, first, last),))


def _finest(at: datetime, now: datetime) -> str:
    """The finest level that still holds this time."""
    return next((level for level in LEVELS if at >= now - KEPT[level]), "day")


def _finest_end(end: datetime, now: datetime) -> str:
    """The finest level that still holds all of the coarser bucket in which this time lies."""
    pairs = (("minute", "hour"), ("hour", "day"))
    return next((level for level, coarser in pairs if _down(end, LEVELS[coarser]) >= now - KEPT[level]), "day")


def _cover(start: datetime, end: datetime, levels: tuple[str, ...]) -> Iterator[Segment]:
    """Whole buckets of the first level in the middle, the edges by the levels after it."""
    level, finer = levels[0], levels[1:]
    first, last = _up(start, LEVELS[level]), _down(end, LEVELS[level])
    if first >= last:
        if start < end:
            yield from _cover(start, end, finer)
        return
    if start < first:
        yield from _cover(start, first, finer)
    yield Segment(level, first, last)
    if last < end:
        yield from _cover(last, end, finer)


def _down(at: datetime, step: timedelta) -> datetime:
    return _EPOCH + (at - _EPOCH) // step * step


def _up(at: datetime, step: timedelta) -> datetime:
    return _EPOCH - (_EPOCH - at) // step * step

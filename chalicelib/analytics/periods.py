"""Which buckets answer a question about a span of time. Pure.

Rollups are kept by minute, hour and day, in UTC, each level as long as LEVELS says. A span is widened to whole buckets, and never cut into more than MAX_POINTS.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAX_POINTS = 300
MAX_DAYS = 3_660
MAX_BUCKETS = 1_500  # of one level, added up for one answer
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
class Span:
    """From (included) to (not included), both on bounds of `step`; `level` is the rollup that answers it."""

    start: datetime
    end: datetime
    step: timedelta
    level: str

    @property
    def points(self) -> int:
        """How many steps there are."""
        return round((self.end - self.start) / self.step)

    def at(self, index: int) -> datetime:
        """Where a point begins."""
        return self.start + index * self.step

    def before(self) -> Span:
        """The same length just before, to compare with."""
        return Span(self.start - (self.end - self.start), self.start, self.step, self.level)


def level_for(start: datetime, end: datetime, now: datetime) -> str:
    """The finest level whose buckets are few enough to add up quickly and still kept that far back."""
    return next((level for level in _kept(start, now) if (end - start) / LEVELS[level] <= MAX_BUCKETS), "day")


def span_for(start: datetime, end: datetime, now: datetime) -> Span:
    """The span as one answer: widened to whole buckets of its level."""
    level = level_for(start, end, now)
    return _widened(start, end, LEVELS[level], level)


def steps_for(start: datetime, end: datetime, now: datetime, asked: str | None) -> Span:
    """The span cut into points: as asked, or into the finest steps that keep within MAX_POINTS. Raises ValueError, saying what to ask for instead."""
    finest = LEVELS[_kept(start, now)[0]]
    possible = [name for name, step in STEPS.items() if (end - start) / step <= MAX_POINTS - 1 and step >= finest]
    name = asked or possible[0]
    if name not in possible:
        raise ValueError(f"{name} gives more than {MAX_POINTS} points, or is finer than what is kept of that time; ask for {' or '.join(possible[:3])}")
    step = STEPS[name]
    level = max((level for level in LEVELS if LEVELS[level] <= step), key=lambda level: LEVELS[level])
    return _widened(start, end, step, level)


def _kept(start: datetime, now: datetime) -> list[str]:
    """Levels that still hold `start`, finest first."""
    return [level for level in LEVELS if start >= now - KEPT[level]] or ["day"]


def _widened(start: datetime, end: datetime, step: timedelta, level: str) -> Span:
    first = _EPOCH + (start - _EPOCH) // step * step
    last = _EPOCH - (_EPOCH - end) // step * step
    return Span(first, max(last, first + step), step, level)

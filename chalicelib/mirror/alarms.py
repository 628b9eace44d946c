"""From a schedule to its alarm: an expression of EventBridge that rings at every instant the schedule plans. Pure.

It may ring more often, never less (but on days when clocks change, which EventBridge treats in its own way): the database alone decides what is due, an alarm without
effect costs a call of a few milliseconds, and what no alarm rings for the minute's tick finds. So seconds are rounded up to the next minute, and days that
EventBridge cannot say (`L`, `#`, a day of the month or of the week) become every day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import gcd

from cronsim import CronSim

from chalicelib.triggers import cron
from chalicelib.triggers.types.schedule import ScheduleConfig, delay_of

_DAY_SECONDS, _DAY_MINUTES = 86_400, 1440
_ANY = datetime(2000, 1, 1)  # noqa: DTZ001 - cronsim wants a beginning to read an expression
_EVERY_DAY = "* * ?"
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One trigger's entry in EventBridge. `expression` is cron as AWS writes it (six fields, the year last), read in `timezone`."""

    trigger_id: str
    expression: str
    timezone: str

    @property
    def name(self) -> str:
        """Another expression has another name, so that a list of names shows what is missing and what is no longer wanted."""
        return f"{self.trigger_id}-{hashlib.sha256(f'{self.expression} {self.timezone}'.encode()).hexdigest()[:8]}"


def alarm_of(trigger_id: str, config: ScheduleConfig, created_at: datetime, now: datetime, *, in_utc: bool) -> Alarm:
    """A trigger's alarm. `in_utc`: for EventBridge's rules, which know no time zones; the Scheduler does."""
    delay = delay_of(config, trigger_id)
    if config.at is not None:
        return Alarm(trigger_id, _once(config.at + delay), "UTC")
    if config.every_seconds is not None:
        anchor = config.start or created_at.astimezone(UTC).replace(microsecond=0)
        minutes = _minutes(_seconds_of_day(config.every_seconds, anchor + delay))
        return Alarm(trigger_id, _expression(minutes, _EVERY_DAY), "UTC")
    assert config.cron is not None
    named, days = _of_cron(config.cron, int(delay.total_seconds()))
    if not in_utc or config.timezone == "UTC":
        return Alarm(trigger_id, _expression(named, days), config.timezone)
    shifted = {minute - offset for minute in named for offset in _offsets(config.timezone, now.year)}
    return Alarm(trigger_id, _expression({minute % _DAY_MINUTES for minute in shifted}, days if shifted <= set(range(_DAY_MINUTES)) else _EVERY_DAY), "UTC")


def _once(at: datetime) -> str:
    minute = at.astimezone(UTC) + timedelta(seconds=59, microseconds=999_999)
    return f"cron({minute.minute} {minute.hour} {minute.day} {minute.month} ? {minute.year})"


def _seconds_of_day(step: int, anchor: datetime) -> Iterable[int]:
    """When in a day anchor, anchor + step, anchor + 2 step, … can come; every minute when that is more often than once a minute."""
    often = max(60, gcd(step, _DAY_SECONDS))
    first = anchor.hour * 3600 + anchor.minute * 60 + anchor.second + (anchor.microsecond > 0)
    return ((first + n * often) % _DAY_SECONDS for n in range(_DAY_SECONDS // often))


def _minutes(seconds: Iterable[int]) -> set[int]:
    return {-(-second // 60) % _DAY_MINUTES for second in seconds}


@lru_cache(maxsize=4096)
def _of_cron(expression: str, delay: int) -> tuple[frozenset[int], str]:
    """The minutes of the day at which it can be due, `delay` seconds later than it says, and its days as AWS writes them."""
    read = CronSim(cron.parse(expression).text, _ANY)
    seconds = {hour * 3600 + minute * 60 + second + delay for hour in read.hours for minute in read.minutes for second in read.seconds}
    past_midnight = any(second > _DAY_SECONDS - 60 for second in seconds)
    return frozenset(_minutes(seconds)), _EVERY_DAY if past_midnight else _days(read)


def _days(read: CronSim) -> str:
    """Day of the month, month, day of the week. AWS wants a ? in one of the two days."""
    months = _listed(read.months, range(1, 13))
    any_day, any_weekday = read.days == set(range(1, 32)), read.weekdays >= set(range(7))
    plain_days = all(isinstance(day, int) and day > 0 for day in read.days)
    weekdays = {day % 7 for day in read.weekdays if isinstance(day, int)}
    if any_day and not any_weekday and len(weekdays) == len({day if isinstance(day, tuple) else day % 7 for day in read.weekdays}):
        return f"? {months} {','.join(_WEEKDAYS[day] for day in sorted(weekdays))}"
    if any_weekday and not any_day and plain_days:
        return f"{_listed(read.days, range(1, 32))} {months} ?"
    return f"* {months} ?"


def _offsets(zone: str, year: int) -> set[int]:
    """By how many minutes the zone is ahead of UTC, in this year and the next."""
    found = {_offset(zone, datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=days)) for days in range(0, 731, 3)}
    return {seconds // 60 for seconds in found}


def _offset(zone: str, at: datetime) -> int:
    offset = at.astimezone(cron.zone(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _expression(minutes: Collection[int], days: str) -> str:
    """Hours and minutes are lists of their own to AWS, so it rings at every minute of each hour."""
    return f"cron({_listed({minute % 60 for minute in minutes}, range(60))} {_listed({minute // 60 for minute in minutes}, range(24))} {days} *)"


def _listed(values: Collection[int], all_of_them: range) -> str:
    """`*`, or a list with ranges, which is short enough for AWS's 256 characters whatever the values are."""
    if set(values) == set(all_of_them):
        return "*"
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)

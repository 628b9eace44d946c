"""Quiet hours, in the recipient's time zone. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from chalicelib.registry.spec import Config


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name[:60]!r}; write for example Europe/Berlin") from None
    return name


def _clock(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError:
        raise ValueError("write a time of day as 22:00") from None
    return text


Clock = Annotated[str, Field(pattern=r"^\d{2}:\d{2}$"), AfterValidator(_clock)]


class QuietHours(Config):
    """A time of day in which nobody is disturbed: what comes then waits for its end."""

    start: Clock = Field(default="22:00", description="When it begins, in the recipient's zone.")
    end: Clock = Field(default="08:00", description="When it ends; before `start`: on the next day.")
    timezone: Annotated[str, Field(max_length=100), AfterValidator(_zone)] = Field(
        default="UTC", description="The recipient's zone, such as Europe/Berlin.", json_schema_extra={"format": "timezone"}
    )
    weekends: bool = Field(default=False, description="Whether Saturdays and Sundays are quiet all day.")


def quiet_until(now: datetime, quiet: QuietHours) -> datetime | None:
    """The instant (UTC) until which a message waits; None: it may go now. An end that does not exist (summer time) is the first instant after it."""
    zone = ZoneInfo(quiet.timezone)
    at, waits = now, False
    for _ in range(8):  # at most a weekend and its nights
        end = _end(at.astimezone(zone), quiet, zone)
        if end is None:
            return at if waits else None
        at, waits = end.astimezone(UTC), True
    return at


def _end(local: datetime, quiet: QuietHours, zone: ZoneInfo) -> datetime | None:
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    today, clock = local.date(), local.time()
    if quiet.weekends and today.weekday() >= 5:
        return _at(today + timedelta(days=1), time(), zone)
    if start == end:
        return None
    if start < end:
        return _at(today, end, zone) if start <= clock < end else None
    if clock >= start:
        return _at(today + timedelta(days=1), end, zone)
    return _at(today, end, zone) if clock < end else None


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone)

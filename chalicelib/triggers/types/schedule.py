"""The `schedule` trigger: its configuration and, pure, every instant it plans.

Three kinds: `cron` (in a time zone), `every_seconds` (counted from `start`, else from the trigger's creation), `at` (once). `start` and `end` bound the first
two, both inclusive. Instants are UTC. Nothing here knows the present; callers pass it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from chalicelib.core.clock import parse as parse_time
from chalicelib.core.clock import to_text
from chalicelib.core.jsontext import loads
from chalicelib.registry.spec import Config, TriggerSpec, exactly_one, hints
from chalicelib.triggers import cron as cron_rules

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_INTERVAL = 366 * 86_400
_MICROSECOND = timedelta(microseconds=1)


def read_instant(value: Any) -> datetime:
    """An RFC 3339 time with an offset, in UTC. Raises ValueError."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        at = value.astimezone(UTC)
    elif isinstance(value, str):
        try:
            at = parse_time(value)
        except (ValueError, OverflowError):
            raise ValueError("an RFC 3339 time with an offset is needed, such as 2027-03-28T09:00:00Z") from None
    else:
        raise ValueError("an RFC 3339 time with an offset is needed, such as 2027-03-28T09:00:00Z")
    if not EARLIEST <= at < LATEST:
        raise ValueError("the time must lie between the years 1970 and 2199")
    return at


Instant = Annotated[
    datetime,
    BeforeValidator(read_instant),
    PlainSerializer(to_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Dst(Config):
    """What happens when clocks change. `auto`: a fixed time of day runs once a day, whatever the clock does; other expressions follow the clock on the wall."""

    skipped: Literal["auto", "run", "skip"] = Field(
        "auto",
        title="A time that is jumped over",
        description="`run`: at the first instant after the jump; `skip`: not on that day.",
        json_schema_extra=hints(
            labels={"auto": "As the expression suggests", "run": "Run right after the jump", "skip": "Not on that day"}
        ),
    )
    repeated: Literal["auto", "first", "second", "both"] = Field(
        "auto",
        title="A time that comes twice",
        description="Which of the two runs.",
        json_schema_extra=hints(
            labels={"auto": "As the expression suggests", "first": "The first", "second": "The second", "both": "Both"}
        ),
    )


class ScheduleConfig(Config):
    """What a user writes. Exactly one of `cron`, `every_seconds` and `at`."""

    model_config = exactly_one("cron", "every_seconds", "at")

    cron: str | None = Field(
        None,
        title="Cron expression",
        description="Minute, hour, day of month, month, day of week; a sixth field in front is the second. Names, L, LW, 5L and MON#2 are understood.",
        examples=["0 9 * * MON-FRI"],
    )
    every_seconds: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=LONGEST_INTERVAL,
        title="Interval",
        description="Counted from `start`, or from the creation of the trigger (then the first run is one interval later).",
    )
    at: Instant | None = Field(None, title="Once", description="One run at this instant.")
    timezone: str = Field(
        "UTC",
        title="Time zone",
        description="The IANA zone in which `cron` is read.",
        examples=["Europe/Berlin"],
        json_schema_extra={"format": "timezone", **hints(["cron"])},
    )
    misfire: Literal["skip", "last", "all"] = Field(
        "last",
        title="After downtime",
        description="What to run of the instants that were missed by more than a minute: none, the last, or all (at most the newest `misfire_cap`).",
        json_schema_extra=hints(labels={"skip": "Skip what was missed", "last": "Run the last one", "all": "Run all of them"}),
    )
    overlap: Literal["allow", "skip", "queue", "replace"] = Field(
        "allow",
        title="Overlap",
        description="While the previous run of this schedule has not ended: run as well, skip, run after it, or cancel it and run.",
        json_schema_extra=hints(
            labels={"allow": "Run beside it", "skip": "Skip this one", "queue": "Run after it", "replace": "Cancel it and run"}
        ),
    )
    jitter_seconds: int = Field(
        0,
        strict=True,
        ge=0,
        le=3600,
        title="Spread over",
        description="Start up to so many seconds later, always the same for one trigger, so that many schedules of one instant do not start at once.",
    )
    dst: Dst | None = Field(None, title="When clocks change", json_schema_extra=hints(["cron"]))
    misfire_cap: int = Field(
        100, strict=True, ge=1, le=1000, title="Missed, at most", description="How many missed instants `all` runs."
    )
    start: Instant | None = Field(
        None, title="Start", description="No run before this instant.", json_schema_extra=hints(["cron", "every_seconds"])
    )
    end: Instant | None = Field(
        None, title="End", description="No run after this instant.", json_schema_extra=hints(["cron", "every_seconds"])
    )
    input: Any = Field(None, title="Input", description="The input of each run; without it an empty object.")

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, value: str | None) -> str | None:
        return None if value is None else cron_rules.parse(value).text

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return cron_rules.zone(value).key

    @field_validator("end")
    @classmethod
    def _check_end(cls, value: datetime | None, info: Any) -> datetime | None:
        start = info.data.get("start")
        if value is not None and start is not None and value <= start:
            raise ValueError("end must be after start")
        return value

    @model_validator(mode="after")
    def _check_kind(self) -> ScheduleConfig:
        given = [name for name in ("cron", "every_seconds", "at") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                "exactly one of cron, every_seconds and at is needed, "
                + (f"not {' and '.join(given)} together" if given else "none is given")
            )
        if self.at is not None and (self.start is not None or self.end is not None):
            raise ValueError("at is a single instant: start and end do not go with it")
        return self

    @property
    def clock_rule(self) -> cron_rules.ClockRule:
        """What `cron` does when clocks change."""
        return cron_rules.AUTO if self.dst is None else cron_rules.ClockRule(self.dst.skipped, self.dst.repeated)

    @property
    def raw_input(self) -> Any:
        """What a run's input is before the trigger's mapping."""
        return {} if self.input is None else self.input


def read_config(text: str) -> ScheduleConfig:
    """A stored config (JSON text). Raises pydantic's ValidationError, and ValueError for text that is no JSON, should it no longer be valid."""
    return ScheduleConfig.model_validate(loads(text))


def instants(config: ScheduleConfig, created_at: datetime, after: datetime) -> Iterator[datetime]:
    """Every planned instant strictly after `after`, strictly increasing, in UTC. `created_at` anchors `every_seconds` when there is no `start`."""
    last = config.end or LATEST - _MICROSECOND
    after = max(after, _floor(config))
    if config.at is not None:
        found: Iterator[datetime] = iter([config.at] if config.at > after else [])
    elif config.cron is not None:
        found = cron_rules.instants(cron_rules.parse(config.cron), cron_rules.zone(config.timezone), after, config.clock_rule)
    else:
        found = _every(config, created_at, after)
    return takewhile(lambda at: at <= last, found)


def newest(config: ScheduleConfig, created_at: datetime, after: datetime, until: datetime, n: int) -> list[datetime]:
    """The newest `n` planned instants in (after, until], oldest first, at a cost that does not grow with how many there are."""
    until = min(until, config.end or LATEST - _MICROSECOND)
    after = max(after, _floor(config))
    if config.cron is not None:
        return cron_rules.newest(
            cron_rules.parse(config.cron), cron_rules.zone(config.timezone), after, until, n, config.clock_rule
        )
    if config.every_seconds is not None:
        after = max(after, until - timedelta(seconds=config.every_seconds * n))
    return list(takewhile(lambda at: at <= until, instants(config, created_at, after)))


def upcoming(config: ScheduleConfig, created_at: datetime, after: datetime, n: int) -> list[datetime]:
    """The next `n` planned instants strictly after `after`; fewer when the schedule ends before."""
    return list(islice(instants(config, created_at, after), n))


def first_fire(config: ScheduleConfig, created_at: datetime, now: datetime) -> datetime | None:
    """The next planned instant strictly after `now`, or None when the schedule has nothing left. What `next_fire_at` is set to."""
    return next(instants(config, created_at, now), None)


def delay_of(config: ScheduleConfig, trigger_id: str) -> timedelta:
    """How much later than planned this trigger's runs start: whole seconds, at most `jitter_seconds`, always the same for one trigger."""
    if not config.jitter_seconds:
        return timedelta(0)
    return timedelta(seconds=int.from_bytes(hashlib.sha256(trigger_id.encode()).digest()[:8], "big") % (config.jitter_seconds + 1))


def _floor(config: ScheduleConfig) -> datetime:
    """The instant after which the schedule may begin."""
    return (config.start or EARLIEST) - _MICROSECOND


def _every(config: ScheduleConfig, created_at: datetime, after: datetime) -> Iterator[datetime]:
    """start, start + n, start + 2n, … or, counted from the creation (whole seconds), created + n, created + 2n, …"""
    assert config.every_seconds is not None
    step = timedelta(seconds=config.every_seconds)
    anchor = config.start or created_at.astimezone(UTC).replace(microsecond=0) + step
    at = anchor + step * max(0, (after - anchor) // step + 1)
    while at < LATEST:
        yield at
        at += step


SPEC = TriggerSpec(
    type="schedule",
    title="Schedule",
    description="Starts an execution at planned instants: by cron expression in a time zone, at a fixed interval, or once.",
    icon="clock",
    config_model=ScheduleConfig,
    input_example={},
)

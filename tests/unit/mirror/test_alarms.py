"""A schedule's alarm rings at every instant that the schedule plans."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.mirror.alarms import Alarm, alarm_of
from chalicelib.mirror.eventbridge import prefix_of
from chalicelib.triggers.cron import instants as cron_instants
from chalicelib.triggers.cron import parse
from chalicelib.triggers.types.schedule import ScheduleConfig, delay_of, instants
from tests.support.oracle import BEGIN, EXPRESSIONS, ZONES

TRIGGER = "trg_01kb0000000000000000000000"
MADE = datetime(2025, 11, 24, 9, 41, 17, 250_000, tzinfo=UTC)
NAMES = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}


def alarm(*, in_utc: bool = False, **config: Any) -> Alarm:
    return alarm_of(TRIGGER, ScheduleConfig.model_validate(config), MADE, BEGIN, in_utc=in_utc)


def named(field: str, value: int) -> bool:
    """Whether a field of AWS's cron names a value, by AWS's own rules: Sunday is 1."""
    for part in field.split(","):
        first, _, last = part.partition("-")
        low, high = (int(NAMES.get(end, end)) for end in (first, last or first)) if part not in ("*", "?") else (value, value)
        if low <= value <= high:
            return True
    return False


def rings(found: Alarm, at: datetime) -> bool:
    """Whether it rings within the minute that begins at `at` or has just passed by less than one."""
    minute = at.replace(second=0, microsecond=0)
    local = (minute if minute == at else minute + timedelta(minutes=1)).astimezone(ZoneInfo(found.timezone))
    fields = found.expression.removeprefix("cron(").removesuffix(")").split(" ")
    assert len(found.expression) <= 256
    assert "?" in (fields[2], fields[4])  # AWS wants one of the two days left open
    shown = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7 + 1, local.year)
    return all(named(field, value) for field, value in zip(fields, shown, strict=True))


def steady(zone: str, at: datetime) -> bool:
    """Whether the zone's clock is left alone a day around."""
    return len({(at + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset() for hours in (-24, 0, 24)}) == 1


def a_year(found: Iterable[datetime]) -> list[datetime]:
    return list(takewhile(lambda at: at < BEGIN + timedelta(days=366), found))


@pytest.mark.parametrize("in_utc", [False, True], ids=["Scheduler", "rules"])
@pytest.mark.parametrize("zone", ZONES)
def test_a_years_instants_all_ring(zone: str, in_utc: bool) -> None:
    for expression in EXPRESSIONS:
        found = alarm(cron=expression, timezone=zone, in_utc=in_utc)
        planned = a_year(cron_instants(parse(expression), ZoneInfo(zone), BEGIN))
        few = planned if len(planned) < 3000 else planned[:: len(planned) // 3000]
        missed = [at for at in few if not rings(found, at)]
        assert [at for at in missed if steady(zone, at)] == [], (expression, found)


@pytest.mark.parametrize("seconds", [1, 20, 60, 90, 300, 420, 3600, 5400, 7200, 86_400, 90_000, 7 * 86_400])
@pytest.mark.parametrize("jitter", [0, 3000])
def test_intervals_ring_from_where_they_are_counted(seconds: int, jitter: int) -> None:
    config = ScheduleConfig(every_seconds=seconds, jitter_seconds=jitter)
    found, delay = alarm(every_seconds=seconds, jitter_seconds=jitter), delay_of(config, TRIGGER)
    assert all(rings(found, at + delay) for at in islice(instants(config, MADE, MADE), 500))


@pytest.mark.parametrize(
    ("config", "expression"),
    [
        ({"cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"}, "cron(0 9 ? * MON,TUE,WED,THU,FRI *)"),
        ({"cron": "*/15 8-18 1,15 * *"}, "cron(0,15,30,45 8-18 1,15 * ? *)"),
        ({"cron": "0 0 1 1 *"}, "cron(0 0 1 1 ? *)"),
        ({"cron": "0 9 L * *"}, "cron(0 9 * * ? *)"),  # every day: the database knows which is the last
        ({"cron": "0 9 * * MON#2"}, "cron(0 9 * * ? *)"),
        ({"cron": "0 9 13 * FRI"}, "cron(0 9 * * ? *)"),
        ({"cron": "* * * * *"}, "cron(* * * * ? *)"),
        ({"cron": "30 59 23 * * *"}, "cron(0 0 * * ? *)"),  # half a minute before midnight rings at midnight
        ({"at": "2027-03-28T09:00:00Z"}, "cron(0 9 28 3 ? 2027)"),
        ({"at": "2027-12-31T23:59:01Z"}, "cron(0 0 1 1 ? 2028)"),
        ({"every_seconds": 3600}, "cron(42 * * * ? *)"),  # made at 09:41:17
        ({"every_seconds": 86_400}, "cron(42 9 * * ? *)"),
    ],
)
def test_what_an_alarm_says(config: dict[str, Any], expression: str) -> None:
    found = alarm(**config)
    assert (found.expression, found.timezone) == (expression, config.get("timezone", "UTC"))


def test_a_rule_rings_at_either_side_of_the_clock_change() -> None:
    found = alarm(cron="0 9 * * MON-FRI", timezone="Europe/Berlin", in_utc=True)
    assert (found.expression, found.timezone) == ("cron(0 7-8 ? * MON,TUE,WED,THU,FRI *)", "UTC")
    assert alarm(cron="0 0 * * MON", timezone="Europe/Berlin", in_utc=True).expression == "cron(0 22-23 * * ? *)"


def test_jitter_moves_it() -> None:
    config = ScheduleConfig(cron="0 9 * * *", jitter_seconds=3000)
    found, delay = alarm(cron="0 9 * * *", jitter_seconds=3000), delay_of(config, TRIGGER)
    assert delay > timedelta(minutes=1)
    assert all(rings(found, at + delay) for at in islice(instants(config, MADE, MADE), 400))


def test_another_expression_or_zone_has_another_name() -> None:
    found = [alarm(cron="0 9 * * *"), alarm(cron="0 10 * * *"), alarm(cron="0 9 * * *", timezone="Europe/Berlin"), alarm(cron="0 9 * * 0-6")]
    assert len({each.name for each in found}) == 3
    assert found[0].name == found[3].name
    assert all(len(f"{prefix_of(stack)}-{each.name}") <= 64 for each in found for stack in ("m", "a-name-of-a-stack-that-is-rather-long"))
    assert prefix_of("a-name-of-a-stack-that-is-rather-long") != prefix_of("a-name-of-a-stack-that-is-rather-short")

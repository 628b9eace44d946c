"""Cron expressions and time zones: what is refused, what is planned, and what happens when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.triggers.cron import ClockRule, CronError, ZoneError, instants, newest, parse, zone, zone_names

# Changes that have happened: what is announced for the future may yet be changed.
BERLIN_SPRING = datetime(2025, 3, 30, 1, tzinfo=UTC)  # 02:00 CET becomes 03:00 CEST
BERLIN_AUTUMN = datetime(2025, 10, 26, 1, tzinfo=UTC)  # 03:00 CEST becomes 02:00 CET
LORD_HOWE_SPRING = datetime(2025, 10, 4, 15, 30, tzinfo=UTC)  # 02:00 becomes 02:30
LORD_HOWE_AUTUMN = datetime(2025, 4, 5, 15, tzinfo=UTC)  # 02:00 becomes 01:30
HAVANA_SPRING = datetime(2025, 3, 9, 5, tzinfo=UTC)  # 00:00 becomes 01:00
HAVANA_AUTUMN = datetime(2025, 11, 2, 5, tzinfo=UTC)  # 01:00 becomes 00:00
TROLL_SPRING = datetime(2025, 3, 30, 1, tzinfo=UTC)  # 01:00 becomes 03:00, two hours
TROLL_AUTUMN = datetime(2025, 10, 26, 1, tzinfo=UTC)
CHANGES = {
    "Europe/Berlin": (BERLIN_SPRING, BERLIN_AUTUMN),
    "Australia/Lord_Howe": (LORD_HOWE_SPRING, LORD_HOWE_AUTUMN),
    "America/Havana": (HAVANA_SPRING, HAVANA_AUTUMN),
    "Antarctica/Troll": (TROLL_SPRING, TROLL_AUTUMN),
}


def planned(expression: str, zone_name: str, after: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda at: at <= until, instants(parse(expression), zone(zone_name), after)))


def walls(expression: str, zone_name: str, change: datetime) -> list[str]:
    """Wall-clock times with offsets, of what runs from 12 hours before a change to 12 hours after."""
    tz = zone(zone_name)
    found = planned(expression, zone_name, change - timedelta(hours=12), change + timedelta(hours=12))
    return [at.astimezone(tz).strftime("%H:%M%z") for at in found]


@pytest.mark.parametrize(
    ("expression", "zone_name", "change", "expected"),
    [
        # Timed: a skipped time runs at the end of the jump, a repeated one the first time only.
        ("30 2 * * *", "Europe/Berlin", BERLIN_SPRING, ["03:00+0200"]),
        ("30 2 * * *", "Europe/Berlin", BERLIN_AUTUMN, ["02:30+0200"]),
        ("0 3 * * *", "Europe/Berlin", BERLIN_SPRING, ["03:00+0200"]),
        ("0 3 * * *", "Europe/Berlin", BERLIN_AUTUMN, ["03:00+0100"]),
        ("0 2,3 * * *", "Europe/Berlin", BERLIN_SPRING, ["03:00+0200"]),  # both fall on one instant, which is one run
        ("15,45 2 * * *", "Europe/Berlin", BERLIN_SPRING, ["03:00+0200"]),
        ("15,45 2,3 * * *", "Europe/Berlin", BERLIN_SPRING, ["03:00+0200", "03:15+0200", "03:45+0200"]),
        ("15 2 * * *", "Australia/Lord_Howe", LORD_HOWE_SPRING, ["02:30+1100"]),
        ("45 1 * * *", "Australia/Lord_Howe", LORD_HOWE_AUTUMN, ["01:45+1100"]),
        ("0 3 * * *", "Australia/Lord_Howe", LORD_HOWE_SPRING, ["03:00+1100"]),
        ("0 0 * * *", "America/Havana", HAVANA_SPRING, ["01:00-0400"]),
        ("30 0 * * *", "America/Havana", HAVANA_AUTUMN, ["00:30-0400"]),
        ("30 1,2 * * *", "Antarctica/Troll", TROLL_SPRING, ["03:00+0200"]),
        # Shown: whatever the wall shows, so nothing for skipped times and twice for repeated ones.
        ("*/30 2 * * *", "Europe/Berlin", BERLIN_SPRING, []),
        ("*/30 2 * * *", "Europe/Berlin", BERLIN_AUTUMN, ["02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100"]),
        ("0 30 2 * * *", "Europe/Berlin", BERLIN_SPRING, []),
        ("0 30 2 * * *", "Europe/Berlin", BERLIN_AUTUMN, ["02:30+0200", "02:30+0100"]),
        ("0 15 2 * * *", "Australia/Lord_Howe", LORD_HOWE_SPRING, []),
        ("0 0 3 * * *", "Australia/Lord_Howe", LORD_HOWE_SPRING, ["03:00+1100"]),
        ("0 45 1 * * *", "Australia/Lord_Howe", LORD_HOWE_AUTUMN, ["01:45+1100", "01:45+1030"]),
        ("0 0 2 * * *", "Australia/Lord_Howe", LORD_HOWE_AUTUMN, ["02:00+1030"]),
        ("0 0 0 * * *", "America/Havana", HAVANA_SPRING, []),
        ("0 30 0 * * *", "America/Havana", HAVANA_AUTUMN, ["00:30-0400", "00:30-0500"]),
    ],
)
def test_a_change_of_the_clock(expression: str, zone_name: str, change: datetime, expected: list[str]) -> None:
    assert walls(expression, zone_name, change) == expected


def test_an_hourly_schedule_runs_every_hour_through_both_changes() -> None:
    for change in (BERLIN_SPRING, BERLIN_AUTUMN):
        found = planned("0 * * * *", "Europe/Berlin", change - timedelta(hours=5), change + timedelta(hours=5))
        assert [later - earlier for earlier, later in pairwise(found)] == [timedelta(hours=1)] * 9


def test_asked_inside_the_repeated_hour_it_never_answers_with_the_past() -> None:
    second_pass = datetime(2025, 10, 26, 1, 15, tzinfo=UTC)  # 02:15 for the second time
    assert next(instants(parse("50 2 * * *"), zone("Europe/Berlin"), second_pass)) == datetime(2025, 10, 27, 1, 50, tzinfo=UTC)
    naive_walk = next(CronSim("50 2 * * *", second_pass.astimezone(zone("Europe/Berlin"))))
    assert naive_walk.astimezone(UTC) < second_pass, "cronsim no longer needs this care"


def test_a_time_shown_twice_a_year_apart_is_not_lost() -> None:
    """The next candidate is years away, and yet the second pass of the last Sunday in October belongs to this one."""
    found = planned("0 30 2 29 10 *", "Europe/Berlin", datetime(2023, 10, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))
    assert found == [datetime(2023, 10, 29, 0, 30, tzinfo=UTC), datetime(2023, 10, 29, 1, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * *", "2026-11-22T14:00:00", ["2026-11-22T14:01:00", "2026-11-22T14:02:00"]),
        ("*/15 * * * * *", "2026-11-22T14:00:01", ["2026-11-22T14:00:15", "2026-11-22T14:00:30"]),
        ("0 9 * * MON-FRI", "2026-11-20T09:00:00", ["2026-11-23T09:00:00", "2026-11-24T09:00:00"]),
        ("0 9 * jan,JUL mon", "2026-11-22T14:00:00", ["2027-01-04T09:00:00", "2027-01-11T09:00:00"]),
        ("0 0 * * 7", "2026-11-22T14:00:00", ["2026-11-29T00:00:00", "2026-12-06T00:00:00"]),
        ("0 0 * * 0", "2026-11-22T14:00:00", ["2026-11-29T00:00:00", "2026-12-06T00:00:00"]),
        ("0 0 L * *", "2027-01-31T00:00:00", ["2027-02-28T00:00:00", "2027-03-31T00:00:00"]),
        ("0 0 LW * *", "2027-01-01T00:00:00", ["2027-01-29T00:00:00", "2027-02-26T00:00:00"]),
        ("0 0 * * MON#2", "2026-11-22T00:00:00", ["2026-12-14T00:00:00", "2027-01-11T00:00:00"]),
        ("0 0 * * 5L", "2026-11-22T00:00:00", ["2026-11-27T00:00:00", "2026-12-25T00:00:00"]),
        ("0 0 29 2 *", "2026-11-22T00:00:00", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
        ("0 0 13 * FRI", "2026-11-22T00:00:00", ["2026-11-27T00:00:00", "2026-12-04T00:00:00"]),  # neither is *: either will do
        ("0 0 */2 * FRI", "2026-11-22T00:00:00", ["2026-11-27T00:00:00", "2026-12-11T00:00:00"]),  # one begins with *: both must
        ("5/20 0 * * *", "2026-11-22T00:00:00", ["2026-11-22T00:05:00", "2026-11-22T00:25:00"]),
    ],
)
def test_instants_in_utc(expression: str, after: str, expected: list[str]) -> None:
    found = islice(instants(parse(expression), zone("UTC"), datetime.fromisoformat(after + "+00:00")), 2)
    assert [at.isoformat() for at in found] == [at + "+00:00" for at in expected]


def test_fractions_of_a_second_do_not_repeat_or_lose_an_instant() -> None:
    minute = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
    every = parse("* * * * *")
    assert next(instants(every, zone("UTC"), minute - timedelta(microseconds=1))) == minute
    assert next(instants(every, zone("UTC"), minute)) == minute + timedelta(minutes=1)
    assert next(instants(every, zone("UTC"), minute + timedelta(microseconds=1))) == minute + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "this one has 0"),
        ("* * * *", "this one has 4"),
        ("* * * * * * *", "this one has 7"),
        ("@daily", "this one has 1"),
        ("61 * * * *", "the minute field '61'"),
        ("* 24 * * *", "the hour field '24'"),
        ("* * 0 * *", "the day-of-month field '0'"),
        ("* * * 13 *", "the month field '13'"),
        ("* * * foo *", "the month field 'foo'"),
        ("* * * * FOO", "the day-of-week field 'FOO'"),
        ("* * * * 8", "the day-of-week field '8'"),
        ("60 * * * * *", "the second field '60'"),
        ("* 60 * * * *", "the minute field '60'"),
        ("10-5 * * * *", "the minute field '10-5'"),
        ("*/0 * * * *", "the minute field '*/0'"),
        ("-1 * * * *", "the minute field '-1'"),
        ("1, * * * *", "the minute field '1,'"),
        ("* * ? * *", "the day-of-month field '?'"),
        ("* * * * MON#6", "the day-of-week field 'MON#6'"),
        ("*/90 * * * *", "a step of 90"),
        ("٣ * * * *", "the minute field"),
        ("0 0 30 2 *", "no month ever has a day"),
        ("0 0 31 4,6,9,11 *", "no month ever has a day"),
        ("0 0 */31 2 MON#5", "no month ever has a day"),
        ("9" * 5000 + " * * * *", "at most 200 characters"),
    ],
)
def test_a_bad_expression_names_its_field(expression: str, words: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(expression)
    assert words in str(caught.value)


@given(st.text(alphabet="0123456789*/-,#LWJANMONFRI ?", max_size=40))
def test_any_text_is_either_an_expression_that_runs_or_refused(text: str) -> None:
    try:
        cron = parse(text)
    except CronError:
        return
    assert next(instants(cron, zone("UTC"), datetime(2026, 11, 22, tzinfo=UTC)), None) is not None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("Asia/Calcuta", "Asia/Calcutta"),
    ],
)
def test_a_bad_zone_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ZoneError, match=f"did you mean {near}"):
        zone(name)


@pytest.mark.parametrize(
    "name", ["", "Factory", "America", "../etc/passwd", "/etc/localtime", "\ud800", "x" * 5000, "Europe/Berlin\x00"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ZoneError):
        zone(name)


def test_every_zone_of_the_package_loads() -> None:
    assert len(zone_names()) > 500
    for name in zone_names():
        assert zone(name).utcoffset(datetime(2026, 11, 22)) is not None


# Oracles. The scans know nothing of cronsim: they look at every minute of the wall clock.

FIELD = st.one_of(
    st.just("*"),
    st.sampled_from(["*/2", "*/5", "*/15"]),
    st.lists(st.integers(0, 59), min_size=1, max_size=3).map(lambda numbers: ",".join(map(str, numbers))),
)
HOUR = st.one_of(
    st.just("*"),
    st.just("*/2"),
    st.lists(st.integers(0, 4), min_size=1, max_size=3).map(lambda numbers: ",".join(map(str, numbers))),
)


def _matches(field: str, value: int) -> bool:
    if field == "*":
        return True
    if field.startswith("*/"):
        return value % int(field[2:]) == 0
    return value in {int(part) for part in field.split(",")}


def _scan(minute: str, hour: str, tz: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """Shown: every minute whose wall-clock reading matches. Timed: for each matching reading, the first minute that shows it or a later one."""
    walk = [after + timedelta(minutes=n) for n in range(1, int((until - after) / timedelta(minutes=1)) + 1)]
    wall = [(at, at.astimezone(tz).replace(tzinfo=None)) for at in walk]
    if minute.startswith("*") or hour.startswith("*"):
        return [at for at, shown in wall if _matches(minute, shown.minute) and _matches(hour, shown.hour)]
    furthest = after.astimezone(tz).replace(tzinfo=None)
    found = []
    for at, shown in wall:
        if shown > furthest:
            passed = (furthest + timedelta(minutes=n) for n in range(1, int((shown - furthest) / timedelta(minutes=1)) + 1))
            if any(_matches(minute, reading.minute) and _matches(hour, reading.hour) for reading in passed):
                found.append(at)
            furthest = shown
    return found


@settings(max_examples=150, deadline=None)
@given(minute=FIELD, hour=HOUR, zone_name=st.sampled_from(sorted(CHANGES)), autumn=st.booleans(), six=st.booleans())
def test_it_agrees_with_a_scan_of_every_minute_around_a_change(
    minute: str, hour: str, zone_name: str, autumn: bool, six: bool
) -> None:
    change = CHANGES[zone_name][autumn]
    after, until = change - timedelta(hours=14), change + timedelta(hours=30)
    expected = _scan("*" if six and not minute.startswith("*") else minute, hour, zone(zone_name), after, until)
    if six:  # six fields always follow the wall, so the scan is told so; the minute is then filtered by its own field
        expected = [at for at in expected if _matches(minute, at.astimezone(zone(zone_name)).minute)]
    assert planned(("0 " if six else "") + f"{minute} {hour} * * *", zone_name, after, until) == expected


@settings(max_examples=100, deadline=None)
@given(
    expression=st.sampled_from(
        [
            "* * * * *",
            "*/7 * * * *",
            "30 2 * * *",
            "0 30 2 * * *",
            "*/20 * * * * *",
            "0 9 * * MON-FRI",
            "0 0 L * *",
            "15,45 1-3 * * *",
        ]
    ),
    zone_name=st.sampled_from(sorted(CHANGES)),
    hours=st.integers(-72, 72),
    seconds=st.integers(0, 3599),
    autumn=st.booleans(),
)
def test_strictly_increasing_and_the_same_wherever_one_begins(
    expression: str, zone_name: str, hours: int, seconds: int, autumn: bool
) -> None:
    cron, tz = parse(expression), zone(zone_name)
    after = CHANGES[zone_name][autumn] + timedelta(hours=hours, seconds=seconds)
    found = list(islice(instants(cron, tz, after), 30))
    assert found[0] > after
    assert all(earlier < later for earlier, later in pairwise(found))
    for begin in range(0, 30, 7):
        assert (
            list(islice(instants(cron, tz, found[begin]), 5))
            == (found + list(islice(instants(cron, tz, found[-1]), 5)))[begin + 1 : begin + 6]
        )


@settings(max_examples=100, deadline=None)
@given(
    expression=st.sampled_from(
        ["* * * * *", "30 2 * * *", "0 30 2 * * *", "*/30 1-2 * * *", "0 9 * * MON", "*/5 * * * * *", "0 2,3 * * *"]
    ),
    zone_name=st.sampled_from(sorted(CHANGES)),
    minutes=st.integers(0, 3000),
    length=st.integers(0, 1500),
    n=st.integers(1, 40),
    autumn=st.booleans(),
)
def test_the_newest_are_the_last_of_all(expression: str, zone_name: str, minutes: int, length: int, n: int, autumn: bool) -> None:
    cron, tz = parse(expression), zone(zone_name)
    after = CHANGES[zone_name][autumn] - timedelta(minutes=1500) + timedelta(minutes=minutes)
    until = after + timedelta(minutes=length, seconds=17)
    assert newest(cron, tz, after, until, n) == planned(expression, zone_name, after, until)[-n:]


@pytest.mark.parametrize(
    "zone_name", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/St_Johns", "Africa/Cairo", "Pacific/Auckland"]
)
@pytest.mark.parametrize(
    "expression", ["30 2 * * *", "*/30 2 * * *", "0 0 * * *", "17 */3 * * *", "0 1-3 * * SUN", "0 30 2 * * *", "15 30 1,2 * * SUN"]
)
def test_a_year_agrees_with_cronsim_where_clocks_move_by_whole_hours(expression: str, zone_name: str) -> None:
    begin, end = datetime(2024, 6, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
    walk = CronSim(expression, begin.astimezone(zone(zone_name)))
    expected = list(takewhile(lambda at: at <= end, (local.astimezone(UTC) for local in walk)))
    assert planned(expression, zone_name, begin, end) == expected


SPRING, AUTUMN = datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 10, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "rule", "day", "expected"),
    [
        ("30 2 * * *", ClockRule(), SPRING, ["01:00"]),
        ("30 2 * * *", ClockRule("run"), SPRING, ["01:00"]),
        ("30 2 * * *", ClockRule("skip"), SPRING, []),
        ("*/30 2 * * *", ClockRule(), SPRING, []),
        ("*/30 2 * * *", ClockRule("run"), SPRING, ["01:00"]),
        ("30 2 * * *", ClockRule(), AUTUMN, ["00:30"]),
        ("30 2 * * *", ClockRule("auto", "second"), AUTUMN, ["01:30"]),
        ("30 2 * * *", ClockRule("auto", "both"), AUTUMN, ["00:30", "01:30"]),
        ("*/30 2 * * *", ClockRule(), AUTUMN, ["00:00", "00:30", "01:00", "01:30"]),
        ("*/30 2 * * *", ClockRule("auto", "first"), AUTUMN, ["00:00", "00:30"]),
        ("*/30 2 * * *", ClockRule("auto", "second"), AUTUMN, ["01:00", "01:30"]),
        ("0 2,3 * * *", ClockRule("auto", "second"), AUTUMN, ["01:00", "02:00"]),
    ],
)
def test_a_schedule_may_say_what_happens_when_clocks_change(
    expression: str, rule: ClockRule, day: datetime, expected: list[str]
) -> None:
    cron, tz, until = parse(expression), zone("Europe/Berlin"), day + timedelta(hours=12)
    for begin in (day - timedelta(hours=2), day - timedelta(minutes=1)):
        found = list(takewhile(lambda at: at <= until, instants(cron, tz, begin, rule)))
        assert [f"{at:%H:%M}" for at in found] == expected
        assert newest(cron, tz, begin, until, 2, rule) == found[-2:]


@given(
    expression=st.sampled_from(["30 2 * * *", "*/20 1-3 * * *", "0 2,3 * * *", "15 * * * *", "10 */20 2 * * *"]),
    zone_name=st.sampled_from(sorted(CHANGES)),
    skipped=st.sampled_from(["auto", "run", "skip"]),
    repeated=st.sampled_from(["auto", "first", "second", "both"]),
    minutes=st.integers(0, 3000),
    length=st.integers(1, 3000),
    n=st.integers(1, 9),
    autumn=st.booleans(),
)
def test_every_clock_rule_gives_the_same_wherever_one_begins(
    expression: str, zone_name: str, skipped: Any, repeated: Any, minutes: int, length: int, n: int, autumn: bool
) -> None:
    cron, tz, rule = parse(expression), zone(zone_name), ClockRule(skipped, repeated)
    begin = CHANGES[zone_name][autumn] - timedelta(minutes=1500)
    after = begin + timedelta(minutes=minutes)
    until = after + timedelta(minutes=length)
    whole = [at for at in takewhile(lambda at: at <= until, instants(cron, tz, begin, rule)) if at > after]
    assert list(takewhile(lambda at: at <= until, instants(cron, tz, after, rule))) == whole
    assert newest(cron, tz, after, until, n, rule) == whole[-n:]

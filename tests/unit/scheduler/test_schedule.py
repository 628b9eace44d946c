"""The schedule's configuration: what is refused and with which path, and the instants of each kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.core.jsontext import dumps
from chalicelib.triggers.types.schedule import (
    LATEST,
    SPEC,
    ScheduleConfig,
    delay_of,
    first_fire,
    instants,
    newest,
    read_config,
    upcoming,
)

CREATED = datetime(2026, 11, 22, 14, 0, 7, 250_000, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def config(**fields: Any) -> ScheduleConfig:
    return read_config(dumps(fields))


def texts(found: list[datetime]) -> list[str]:
    return [instant.replace(tzinfo=None).isoformat() for instant in found]


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({}, (), "exactly one of cron, every_seconds and at is needed, none is given"),
        ({"cron": "* * * * *", "at": "2027-01-01T00:00:00Z"}, (), "not cron and at together"),
        ({"cron": None}, (), "none is given"),
        ({"cron": "61 * * * *"}, ("cron",), "the minute field '61'"),
        ({"cron": 5}, ("cron",), "valid string"),
        ({"cron": "* * * * *", "timezone": "Europe/Berln"}, ("timezone",), "did you mean Europe/Berlin?"),
        ({"cron": "* * * * *", "timezone": None}, ("timezone",), "valid string"),
        ({"every_seconds": 0}, ("every_seconds",), "greater than or equal to 1"),
        ({"every_seconds": True}, ("every_seconds",), "valid integer"),
        ({"every_seconds": "60"}, ("every_seconds",), "valid integer"),
        ({"every_seconds": 1.5}, ("every_seconds",), "valid integer"),
        ({"every_seconds": 10**9}, ("every_seconds",), "less than or equal to"),
        ({"at": "2027-01-01"}, ("at",), "with an offset"),
        ({"at": "2027-01-01T00:00:00"}, ("at",), "with an offset"),
        ({"at": 1_800_000_000}, ("at",), "with an offset"),
        ({"at": "0001-01-01T00:00:00+14:00"}, ("at",), "with an offset"),
        ({"at": "9999-12-31T23:59:59Z"}, ("at",), "between the years 1970 and 2199"),
        ({"at": "2027-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z"}, (), "start and end do not go with it"),
        ({"every_seconds": 60, "start": "2027-01-02T00:00:00Z", "end": "2027-01-02T00:00:00Z"}, ("end",), "after start"),
        ({"cron": "* * * * *", "overlap": "wait"}, ("overlap",), "'allow', 'skip', 'queue' or 'replace'"),
        ({"cron": "* * * * *", "jitter_seconds": 3601}, ("jitter_seconds",), "less than or equal to 3600"),
        ({"cron": "* * * * *", "misfire_cap": 0}, ("misfire_cap",), "greater than or equal to 1"),
        ({"cron": "* * * * *", "dst": {"skipped": "both"}}, ("dst", "skipped"), "'auto', 'run' or 'skip'"),
        ({"cron": "* * * * *", "misfire": "none"}, ("misfire",), "'skip', 'last' or 'all'"),
        ({"cron": "* * * * *", "crom": 1}, ("crom",), "Extra inputs"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], path: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**fields)
    assert [(problem["loc"], words in problem["msg"]) for problem in caught.value.errors()] == [(path, True)]


def test_defaults_and_the_stored_form() -> None:
    made = config(cron=" 0  9 * * * ", start="2027-01-01T01:00:00+01:00")
    assert (made.timezone, made.misfire, made.overlap, made.raw_input) == ("UTC", "last", "allow", {})
    stored = made.model_dump(mode="json", exclude_none=True)
    assert stored == {
        "cron": "0 9 * * *",
        "timezone": "UTC",
        "misfire": "last",
        "misfire_cap": 100,
        "overlap": "allow",
        "jitter_seconds": 0,
        "start": "2027-01-01T00:00:00.000000Z",
    }
    assert config(**stored) == made


@pytest.mark.parametrize("value", [0, False, "", [], {"a": 1}])
def test_an_input_that_is_given_is_kept(value: Any) -> None:
    assert config(cron="* * * * *", input=value).raw_input == value


def test_the_form_has_a_schema() -> None:
    properties = SPEC.describe()["config_schema"]["properties"]
    assert set(properties) == set(ScheduleConfig.model_fields)
    assert {"type": "string", "format": "date-time"} in properties["at"]["anyOf"]


def test_an_interval_counts_from_the_creation_in_whole_seconds() -> None:
    every = config(every_seconds=10)
    assert texts(upcoming(every, CREATED, CREATED, 3)) == ["2026-11-22T14:00:17", "2026-11-22T14:00:27", "2026-11-22T14:00:37"]
    assert first_fire(every, CREATED, at("2026-11-22T14:00:27")) == at("2026-11-22T14:00:37")
    assert first_fire(every, CREATED, at("2030-01-01T00:00:00")) == at("2030-01-01T00:00:07")


def test_an_interval_with_a_start_begins_there_and_ends_at_its_end() -> None:
    every = config(every_seconds=3600, start="2027-03-28T00:30:00Z", end="2027-03-28T02:30:00Z")
    assert texts(upcoming(every, CREATED, CREATED, 9)) == ["2027-03-28T00:30:00", "2027-03-28T01:30:00", "2027-03-28T02:30:00"]
    assert first_fire(every, CREATED, at("2027-03-28T02:30:00")) is None


def test_an_interval_does_not_mind_the_change_of_clocks() -> None:
    every = config(every_seconds=3600, timezone="Europe/Berlin", start="2025-03-29T22:00:00Z")
    found = upcoming(every, CREATED, at("2025-03-29T21:00:00"), 10)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1)}


def test_cron_starts_and_ends_inclusively() -> None:
    daily = config(cron="0 9 * * *", timezone="Europe/Berlin", start="2027-01-02T08:00:00Z", end="2027-01-04T08:00:00Z")
    assert texts(upcoming(daily, CREATED, CREATED, 9)) == ["2027-01-02T08:00:00", "2027-01-03T08:00:00", "2027-01-04T08:00:00"]


def test_once() -> None:
    once = config(at="2027-03-28T09:00:00+02:00")
    assert upcoming(once, CREATED, CREATED, 5) == [at("2027-03-28T07:00:00")]
    assert first_fire(once, CREATED, at("2027-03-28T06:59:59")) == at("2027-03-28T07:00:00")
    assert first_fire(once, CREATED, at("2027-03-28T07:00:00")) is None


def test_nothing_is_planned_beyond_the_last_year() -> None:
    assert first_fire(config(cron="* * * * *"), CREATED, LATEST - timedelta(seconds=30)) is None
    assert first_fire(config(every_seconds=60), CREATED, LATEST - timedelta(seconds=1)) is None


KINDS = st.sampled_from(
    [
        {"every_seconds": 7},
        {"every_seconds": 3600, "start": "2026-11-22T16:00:00Z"},
        {"every_seconds": 60, "end": "2026-11-23T00:00:30Z"},
        {"cron": "*/5 * * * *", "start": "2026-11-22T18:02:00Z", "end": "2026-11-23T06:00:00Z"},
        {"cron": "0 * * * *", "timezone": "Asia/Kolkata"},
        {"at": "2026-11-22T20:00:00Z"},
    ]
)


@given(fields=KINDS, seconds=st.integers(-90_000, 90_000), length=st.integers(0, 90_000), n=st.integers(1, 50))
def test_the_newest_are_the_last_of_all(fields: dict[str, Any], seconds: int, length: int, n: int) -> None:
    made = config(**fields)
    after = CREATED + timedelta(seconds=seconds)
    until = after + timedelta(seconds=length)
    all_of_them = []
    for instant in instants(made, CREATED, after):
        if instant > until:
            break
        all_of_them.append(instant)
    assert newest(made, CREATED, after, until, n) == all_of_them[-n:]


@given(fields=KINDS, seconds=st.integers(-90_000, 90_000))
def test_strictly_increasing_and_the_same_wherever_one_begins(fields: dict[str, Any], seconds: int) -> None:
    made = config(**fields)
    found = list(islice(instants(made, CREATED, CREATED + timedelta(seconds=seconds)), 20))
    assert all(earlier < later for earlier, later in pairwise(found))
    for begin, instant in enumerate(found[:-1]):
        assert first_fire(made, CREATED, instant) == found[begin + 1]


def test_the_delay_of_a_trigger_is_always_the_same_and_spreads_many() -> None:
    made = config(cron="0 9 * * *", jitter_seconds=600)
    delays = [delay_of(made, f"trg_{n}").total_seconds() for n in range(1000)]
    assert delays == [delay_of(made, f"trg_{n}").total_seconds() for n in range(1000)]
    assert 0 <= min(delays) < 20
    assert 580 < max(delays) <= 600
    assert delay_of(config(cron="0 9 * * *"), "trg_1") == timedelta(0)

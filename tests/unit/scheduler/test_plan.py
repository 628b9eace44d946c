"""What becomes of the instants that came due: on time, after an outage, overlapping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.jsontext import dumps
from chalicelib.scheduler.plan import GRACE, QUEUE_CAP, RECORD_CAP, Plan, Running, plan_occurrences
from chalicelib.triggers.types.schedule import read_config, upcoming

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def plan(
    since: timedelta, *, now: datetime = NOON, live: bool = False, queued: int = 0, delay: timedelta = timedelta(0), **fields: Any
) -> Plan:
    config = read_config(dumps(fields))
    return plan_occurrences(config, NOON - timedelta(days=400), now - since, now, running=Running(live, queued), delay=delay)


def fates(made: Plan) -> list[tuple[str, str, str | None]]:
    return [(f"{decision.planned_at:%H:%M:%S}", decision.outcome, decision.reason) for decision in made.decisions]


MINUTES = {"cron": "* * * * *"}
HALF_PAST = NOON.replace(minute=30, second=20)


@pytest.mark.parametrize(
    ("fields", "since", "now", "expected"),
    [
        # Nothing due.
        (MINUTES, timedelta(seconds=10), NOON + timedelta(seconds=30), []),
        # One due, on time; exactly at the instant; as late as the grace allows.
        (MINUTES, timedelta(seconds=40), NOON + timedelta(seconds=30), [("12:00:00", "fired", None)]),
        (MINUTES, timedelta(seconds=40), NOON, [("12:00:00", "fired", None)]),
        ({"cron": "0 * * * *"}, timedelta(seconds=70), NOON + GRACE, [("12:00:00", "fired", None)]),
        (MINUTES, timedelta(seconds=70), NOON, [("11:59:00", "fired", None), ("12:00:00", "fired", None)]),
        # A slow second drops nothing, whatever the policy.
        (
            {"every_seconds": 10, "start": "2026-11-22T11:00:00Z", "misfire": "skip"},
            timedelta(seconds=25),
            NOON,
            [("11:59:40", "fired", None), ("11:59:50", "fired", None), ("12:00:00", "fired", None)],
        ),
        # One missed: last and all run it late, skip does not.
        ({"cron": "0 * * * *"}, timedelta(hours=1), HALF_PAST, [("12:00:00", "late", None)]),
        ({"cron": "0 * * * *", "misfire": "all"}, timedelta(hours=1), HALF_PAST, [("12:00:00", "late", None)]),
        ({"cron": "0 * * * *", "misfire": "skip"}, timedelta(hours=1), HALF_PAST, [("12:00:00", "skipped", "misfire_skip")]),
        # Several missed, one of them just due.
        (
            MINUTES,
            timedelta(minutes=3),
            HALF_PAST,
            [("12:28:00", "skipped", "misfire_skip"), ("12:29:00", "skipped", "misfire_skip"), ("12:30:00", "fired", None)],
        ),
        (
            {**MINUTES, "misfire": "skip"},
            timedelta(minutes=3),
            HALF_PAST,
            [("12:28:00", "skipped", "misfire_skip"), ("12:29:00", "skipped", "misfire_skip"), ("12:30:00", "fired", None)],
        ),
        (
            {**MINUTES, "misfire": "all"},
            timedelta(minutes=3),
            HALF_PAST,
            [("12:28:00", "late", None), ("12:29:00", "late", None), ("12:30:00", "fired", None)],
        ),
        # Once, missed.
        ({"at": "2026-11-22T12:00:00Z"}, timedelta(hours=1), HALF_PAST, [("12:00:00", "late", None)]),
    ],
)
def test_misfire(fields: dict[str, Any], since: timedelta, now: datetime, expected: list[tuple[str, str, str | None]]) -> None:
    assert fates(plan(since, now=now, **fields)) == expected


@pytest.mark.parametrize(
    ("live", "misfire", "expected"),
    [
        (False, "last", ["skipped:misfire_skip", "skipped:misfire_skip", "fired:None"]),
        (True, "last", ["skipped:misfire_skip", "skipped:misfire_skip", "skipped:overlap"]),
        (False, "all", ["late:None", "skipped:overlap", "skipped:overlap"]),
        (True, "all", ["skipped:overlap", "skipped:overlap", "skipped:overlap"]),
    ],
)
def test_overlap_skip(live: bool, misfire: str, expected: list[str]) -> None:
    made = plan(timedelta(minutes=3), now=HALF_PAST, live=live, overlap="skip", misfire=misfire, **MINUTES)
    assert [f"{decision.outcome}:{decision.reason}" for decision in made.decisions] == expected


@pytest.mark.parametrize(
    ("live", "queued", "misfire", "expected"),
    [
        (False, 0, "last", ["skipped:misfire_skip", "skipped:misfire_skip", "fired:None"]),
        (True, 0, "last", ["skipped:misfire_skip", "skipped:misfire_skip", "pending:overlap_queued"]),
        (False, 0, "all", ["late:None", "pending:overlap_queued", "pending:overlap_queued"]),
        (False, 1, "all", ["pending:overlap_queued"] * 3),
        (True, QUEUE_CAP - 1, "all", ["pending:overlap_queued", "skipped:overlap_queue_full", "skipped:overlap_queue_full"]),
    ],
)
def test_overlap_queue(live: bool, queued: int, misfire: str, expected: list[str]) -> None:
    made = plan(timedelta(minutes=3), now=HALF_PAST, live=live, queued=queued, overlap="queue", misfire=misfire, **MINUTES)
    assert [f"{decision.outcome}:{decision.reason}" for decision in made.decisions] == expected


@pytest.mark.parametrize("live", [False, True])
def test_overlap_replace_runs_the_newest(live: bool) -> None:
    made = plan(timedelta(minutes=3), now=HALF_PAST, live=live, overlap="replace", misfire="all", **MINUTES)
    assert [decision.reason for decision in made.decisions] == ["overlap_replaced", "overlap_replaced", None]


@pytest.mark.parametrize("cap", [1, 3, 500, 1000])
def test_the_cap_of_all_is_the_users(cap: int) -> None:
    made = plan(timedelta(days=1), now=HALF_PAST, misfire="all", misfire_cap=cap, **MINUTES)
    ran = [decision for decision in made.decisions if decision.outcome != "skipped"]
    assert len(ran) == cap
    assert ran[-1].planned_at == NOON + timedelta(minutes=30)


def test_a_delayed_schedule_plans_the_same_instants_later() -> None:
    delay = timedelta(seconds=90)
    assert plan(timedelta(minutes=5), now=NOON + timedelta(seconds=89), delay=delay, cron="0 * * * *").decisions == ()
    made = plan(timedelta(minutes=5), now=NOON + timedelta(seconds=90), delay=delay, cron="0 * * * *")
    assert fates(made) == [("12:00:00", "fired", None)]
    assert made.next_fire_at == NOON + timedelta(hours=1) + delay


def test_overlap_allowed_takes_no_notice_of_a_live_run() -> None:
    assert fates(plan(timedelta(seconds=40), live=True, **MINUTES)) == [("12:00:00", "fired", None)]


def test_all_is_capped_and_what_lies_far_back_is_one_line() -> None:
    made = plan(timedelta(days=365), every_seconds=1, misfire="all")
    assert len(made.decisions) == RECORD_CAP + 1
    assert [decision.outcome for decision in made.decisions].count("late") == 100 - 61
    assert [decision.outcome for decision in made.decisions].count("fired") == 61  # the last minute, both ends included
    summary, oldest_listed = made.decisions[:2]
    assert summary.planned_at == NOON - timedelta(days=365) + timedelta(seconds=1)
    assert summary.reason is not None
    assert summary.reason.startswith("misfire_skip: this instant and all before 2026-11-22T11:56:41")
    assert oldest_listed.planned_at == NOON - timedelta(seconds=RECORD_CAP - 1)
    assert made.next_fire_at == NOON + timedelta(seconds=1)


def test_what_ended_has_no_next_instant() -> None:
    made = plan(timedelta(minutes=5), at="2026-11-22T12:00:00Z")
    assert (len(made.decisions), made.next_fire_at) == (1, None)
    assert plan(timedelta(minutes=5), cron="* * * * *", end="2026-11-22T12:00:00Z").next_fire_at is None


@given(
    fields=st.sampled_from(
        [MINUTES, {"every_seconds": 17}, {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}, {"cron": "*/5 * * * * *"}]
    ),
    policy=st.sampled_from(["skip", "last", "all"]),
    overlap=st.sampled_from(["allow", "skip"]),
    steps=st.lists(st.integers(0, 1500), min_size=1, max_size=8),
    live=st.booleans(),
)
def test_however_often_one_looks_each_instant_is_decided_once(
    fields: dict[str, Any], policy: str, overlap: str, steps: list[int], live: bool
) -> None:
    """Ticks at any distance: together they decide every instant once, in order, and say when the next one comes."""
    config = read_config(dumps({**fields, "misfire": policy, "overlap": overlap}))
    created = since = NOON - timedelta(seconds=sum(steps))
    decided = []
    for step in steps:
        now = since + timedelta(seconds=step)
        made = plan_occurrences(config, created, since, now, running=Running(live))
        if any((decision.reason or "").startswith("misfire_skip:") for decision in made.decisions):
            return  # beyond the cap: the test above
        decided += [decision.planned_at for decision in made.decisions]
        assert [made.next_fire_at] == upcoming(config, created, now, 1)
        since = now
    expected = [instant for instant in upcoming(config, created, created, len(decided) + 1) if instant <= since]
    assert decided == expected

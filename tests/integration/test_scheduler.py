"""Schedules on a real database: each planned instant once, with its fate in the ledger."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from chalicelib.core import db
from chalicelib.core.cache import cache
from chalicelib.core.clock import to_text
from chalicelib.core.config import DEFAULT_WORKSPACE, Settings
from chalicelib.core.errors import BadRequest, Conflict
from chalicelib.core.ids import new_id
from chalicelib.engine.wake import use_waker
from chalicelib.scheduler import service
from chalicelib.scheduler.service import Batch, fire_batch, occurrences
from chalicelib.scheduler.tick import TickReport, run_tick, token
from chalicelib.triggers.types.schedule import delay_of, first_fire, read_config
from functions.scheduler import handler
from tests.support.workflows import Database, Published, definition, published

pytestmark = pytest.mark.usefixtures("settings_env")

STEP = {"id": "step", "type": "transform", "config": {"assign": {"ok": "true"}}}
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class FastClock:
    """A clock whose time passes only while it sleeps; `on_sleep` happens then."""

    def __init__(self, on_sleep: Callable[[], None] | None = None) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.on_sleep = on_sleep

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if self.on_sleep:
            self.on_sleep()


@pytest.fixture
def workflow(database: Database) -> Published:
    return published(database, definition(STEP))


@pytest.fixture
def wakes() -> Iterator[list[str]]:
    """One entry for each time the engine was woken."""
    heard: list[str] = []
    use_waker(lambda: heard.append("wake"))
    yield heard
    use_waker(None)


def db_now(database: Database) -> datetime:
    return database.one("SELECT now() AS now")["now"]


def schedule(
    database: Database,
    workflow: Published,
    config: Mapping[str, Any],
    *,
    since: timedelta = HOUR,
    mapping: Any = None,
    enabled: bool = True,
) -> str:
    """A schedule last looked at `since` ago; it is due if an instant has come since. Returns its id."""
    trigger_id, now = new_id("trg"), db_now(database)
    created = now - timedelta(days=30)
    database.execute(
        """INSERT INTO triggers (id, workspace_id, workflow_id, type, config, input, enabled, created_at, planned_through, next_fire_at)
           VALUES (%(id)s, %(ws)s, %(wf)s, 'schedule', %(config)s, %(input)s, %(enabled)s, %(created)s, %(through)s, %(next)s)""",
        {
            "id": trigger_id,
            "ws": DEFAULT_WORKSPACE,
            "wf": workflow.workflow_id,
            "config": json.dumps(config),
            "input": None if mapping is None else json.dumps(mapping),
            "enabled": enabled,
            "created": created,
            "through": now - since,
            "next": first_fire(read_config(json.dumps(config)), created, now - since),
        },
    )
    return trigger_id


def once(database: Database, ago: timedelta = timedelta(seconds=5), **fields: Any) -> dict[str, Any]:
    """A config with one instant, `ago` before now."""
    return {"at": to_text(db_now(database) - ago), **fields}


def every(database: Database, seconds: int, ago: timedelta = timedelta(seconds=5), **fields: Any) -> dict[str, Any]:
    """A config with an instant `ago` before now and every so many seconds before and after it."""
    count = int(timedelta(days=20) / timedelta(seconds=seconds))
    return {"every_seconds": seconds, "start": to_text(db_now(database) - ago - timedelta(seconds=seconds) * count), **fields}


def trigger_row(database: Database, trigger_id: str) -> Mapping[str, Any]:
    return database.one("SELECT * FROM triggers WHERE id = %(id)s", id=trigger_id)


def ledger(database: Database, trigger_id: str) -> list[Mapping[str, Any]]:
    return list(database.execute("SELECT * FROM occurrences WHERE trigger_id = %(id)s ORDER BY planned_at", {"id": trigger_id}))


def fates(database: Database, trigger_id: str) -> list[str]:
    return [row["outcome"] + (f":{row['reason']}" if row["reason"] else "") for row in ledger(database, trigger_id)]


def executions(database: Database, trigger_id: str | None = None) -> list[Mapping[str, Any]]:
    found = database.execute(
        "SELECT * FROM executions WHERE %(id)s::text IS NULL OR trigger_id = %(id)s ORDER BY trigger_id, id", {"id": trigger_id}
    )
    return list(found)


def end(database: Database, execution_id: str) -> None:
    """End an execution as the engine's last save does."""
    database.execute("DELETE FROM wakes WHERE execution_id = %(id)s", {"id": execution_id})
    database.execute("UPDATE executions SET status = 'succeeded', finished_at = now() WHERE id = %(id)s", {"id": execution_id})


def tick(rounds: int = 1, **options: Any) -> TickReport:
    """A tick that finds no other having just begun."""
    cache().delete(token())
    return run_tick(new_id("tick"), rounds=rounds, clock=options.pop("clock", None) or FastClock(), **options)


def fire(limit: int = 500) -> Batch:
    with db.transaction() as connection:
        return fire_batch(connection, limit)


def due_again(database: Database, trigger_id: str, config: Mapping[str, Any]) -> None:
    """Give a schedule another config and let it come due."""
    database.execute(
        "UPDATE triggers SET config = %(config)s, planned_through = now() - interval '1 hour', next_fire_at = now() WHERE id = %(id)s",
        {"id": trigger_id, "config": json.dumps(config)},
    )


# What a firing leaves behind


def test_a_due_schedule_starts_its_execution(database: Database, workflow: Published, wakes: list[str]) -> None:
    config = every(database, 3600, ago=timedelta(seconds=5), input={"report": "daily", "n": 2**53 + 1})
    trigger_id = schedule(database, workflow, config, since=MINUTE)
    report = tick()
    assert (report.fired, report.late, report.skipped, report.errors, wakes) == (1, 0, 0, [], ["wake"])

    (line,) = ledger(database, trigger_id)
    (execution,) = executions(database)
    assert (line["outcome"], line["reason"], line["execution_id"]) == ("fired", None, execution["id"])
    planned_at = to_text(line["planned_at"])
    assert json.loads(execution["trigger"]) == {"type": "schedule", "id": trigger_id, "planned_at": planned_at}
    assert json.loads(execution["input"]) == {"report": "daily", "n": 2**53 + 1}
    assert (execution["status"], execution["version"], execution["definition_id"]) == ("queued", 1, workflow.definition_id)
    assert database.one("SELECT count(*) AS n FROM wakes WHERE wake_at <= now()")["n"] == 1
    assert database.one("SELECT key, execution_id FROM start_keys") == {"key": planned_at, "execution_id": execution["id"]}

    row = trigger_row(database, trigger_id)
    assert row["next_fire_at"] == line["planned_at"] + HOUR
    assert row["planned_through"] == row["last_fired_at"] == line["recorded_at"]
    assert (row["revision"], row["unhealthy_reason"]) == (1, None)


def test_nothing_happens_before_it_is_due(database: Database, workflow: Published, wakes: list[str]) -> None:
    trigger_id = schedule(database, workflow, every(database, 3600, ago=timedelta(seconds=5)), since=timedelta(seconds=1))
    report = tick(rounds=3)
    assert (report.rounds, report.fired, wakes, ledger(database, trigger_id)) == (3, 0, [], [])


def test_once_runs_once_and_has_no_next_instant(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))
    assert tick(rounds=3).fired == 1
    assert fates(database, trigger_id) == ["fired"]
    assert trigger_row(database, trigger_id)["next_fire_at"] is None


def test_the_mapping_makes_the_input_and_the_schema_judges_it(database: Database) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    workflow = published(database, definition(STEP, input_schema=schema))
    mapping = {"n": "{{ input.count }}", "for": "{{ trigger.planned_at }}"}
    good = schedule(database, workflow, once(database, input={"count": 3}), mapping=mapping)
    bad = schedule(database, workflow, once(database, input={"count": "three"}), mapping=mapping)
    broken = schedule(database, workflow, once(database), mapping=mapping)
    tick()
    (execution,) = executions(database)
    assert json.loads(execution["input"]) == {"n": 3, "for": to_text(ledger(database, good)[0]["planned_at"])}
    for trigger_id in (bad, broken):
        (line,) = ledger(database, trigger_id)
        assert (line["outcome"], line["execution_id"]) == ("skipped", None)
        assert line["reason"].startswith("input_failed: ")
        assert trigger_row(database, trigger_id)["unhealthy_reason"] == line["reason"]
    assert trigger_row(database, good)["unhealthy_reason"] is None

    due_again(database, bad, once(database, ago=timedelta(seconds=1), input={"count": 4}))
    assert tick().fired == 1
    assert trigger_row(database, bad)["unhealthy_reason"] is None, "healthy again with its next run"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE triggers SET enabled = false", "trigger_disabled"),
        ("UPDATE workflows SET enabled = false", "workflow_disabled"),
        ("UPDATE workflows SET live_version = NULL", "workflow_not_published"),
    ],
)
def test_what_may_not_run_is_recorded_with_the_reason(database: Database, workflow: Published, change: str, reason: str) -> None:
    trigger_id = schedule(database, workflow, every(database, 3600), since=MINUTE)
    database.execute(change)
    report = tick(rounds=2)
    assert (report.fired, report.skipped, executions(database)) == (0, 1, [])
    assert fates(database, trigger_id) == [f"skipped:{reason}"]
    row = trigger_row(database, trigger_id)
    assert row["last_fired_at"] is None
    assert row["next_fire_at"] > row["planned_through"]


def test_the_version_that_is_live_now_runs(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))
    second = new_id("def")
    scope = {"id": second, "ws": DEFAULT_WORKSPACE, "wf": workflow.workflow_id, "body": json.dumps(definition(STEP))}
    database.execute(
        "INSERT INTO definitions (id, workspace_id, workflow_id, body) VALUES (%(id)s, %(ws)s, %(wf)s, %(body)s)", scope
    )
    database.execute(
        "INSERT INTO workflow_versions (workflow_id, version, workspace_id, definition_id) VALUES (%(wf)s, 2, %(ws)s, %(id)s)",
        scope,
    )
    database.execute("UPDATE workflows SET live_version = 2")
    tick()
    (execution,) = executions(database, trigger_id)
    assert (execution["version"], execution["definition_id"]) == (2, second)


# Downtime and overlap


@pytest.mark.parametrize(
    ("misfire", "expected"),
    [
        ("last", ["skipped:misfire_skip", "skipped:misfire_skip", "late"]),
        ("all", ["late", "late", "late"]),
        ("skip", ["skipped:misfire_skip", "skipped:misfire_skip", "skipped:misfire_skip"]),
    ],
)
def test_after_an_outage_the_misfire_policy_decides(
    database: Database, workflow: Published, misfire: str, expected: list[str]
) -> None:
    config = every(database, 3600, ago=timedelta(minutes=30), misfire=misfire)
    trigger_id = schedule(database, workflow, config, since=3 * HOUR)
    tick(rounds=2)
    assert fates(database, trigger_id) == expected
    assert len(executions(database)) == expected.count("late")


def test_after_a_very_long_outage_the_ledger_stays_small(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, every(database, 1, misfire="all"), since=timedelta(days=10))
    tick()
    found = fates(database, trigger_id)
    assert len(found) == 201
    assert found[0].startswith("skipped:misfire_skip: this instant and all before 20")
    assert set(found[1:101]) == {"skipped:misfire_skip"}
    assert set(found[101:]) == {"late", "fired"}
    assert len(executions(database)) == 100


def test_overlap_skip_waits_for_the_end_of_the_run(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database, overlap="skip"))
    tick()
    due_again(database, trigger_id, once(database, ago=timedelta(seconds=2), overlap="skip"))
    tick()
    assert fates(database, trigger_id) == ["fired", "skipped:overlap"]
    end(database, executions(database)[0]["id"])
    due_again(database, trigger_id, once(database, ago=timedelta(seconds=1), overlap="skip"))
    tick()
    assert fates(database, trigger_id) == ["fired", "skipped:overlap", "fired"]


def test_overlap_allow_does_not_wait(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))
    tick()
    due_again(database, trigger_id, once(database, ago=timedelta(seconds=2)))
    tick()
    assert fates(database, trigger_id) == ["fired", "fired"]


def test_overlap_queue_runs_one_after_the_other_and_says_so(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, every(database, 10, overlap="queue", misfire="all"), since=timedelta(seconds=35))
    tick()
    assert fates(database, trigger_id) == ["fired", "pending:overlap_queued", "pending:overlap_queued"]
    row = trigger_row(database, trigger_id)
    with db.transaction() as connection:
        shown = occurrences(connection, row, 10, None)["items"]
    assert [(item["outcome"], item["execution_id"]) for item in shown[:2]] == [("pending", None)] * 2
    database.execute("UPDATE triggers SET next_fire_at = now() + interval '1 hour', planned_through = now() + interval '1 hour'")
    for done in (1, 2, 3):
        started = executions(database, trigger_id)
        assert len(started) == done
        assert tick().released == 0
        end(database, started[-1]["id"])
        assert tick().released == (1 if done < 3 else 0)
    lines = ledger(database, trigger_id)
    assert [line["outcome"] for line in lines] == ["fired"] * 3
    assert [line["execution_id"] for line in lines] == [row["id"] for row in executions(database, trigger_id)]
    planned = [json.loads(row["trigger"])["planned_at"] for row in executions(database, trigger_id)]
    assert planned == [to_text(line["planned_at"]) for line in lines]


def test_five_ticks_at_once_release_one(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, every(database, 10, overlap="queue", misfire="all"), since=timedelta(seconds=55))
    tick()
    database.execute("UPDATE triggers SET next_fire_at = now() + interval '1 hour', planned_through = now() + interval '1 hour'")
    end(database, executions(database)[0]["id"])
    threads = [threading.Thread(target=lambda: run_tick(new_id("tick"), rounds=2, clock=FastClock())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(executions(database, trigger_id)) == 2


def test_what_waits_is_skipped_when_the_trigger_is_disabled(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, every(database, 10, overlap="queue", misfire="all"), since=timedelta(seconds=25))
    tick()
    database.execute("UPDATE triggers SET enabled = false, next_fire_at = NULL")
    end(database, executions(database)[0]["id"])
    tick()
    assert fates(database, trigger_id) == ["fired", "skipped:trigger_disabled"]


def test_overlap_replace_cancels_what_runs(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database, overlap="replace"))
    tick()
    due_again(database, trigger_id, once(database, ago=timedelta(seconds=2), overlap="replace"))
    tick()
    first, second = executions(database, trigger_id)
    signals = database.execute("SELECT execution_id, kind FROM inbox")
    assert [(row["execution_id"], row["kind"]) for row in signals] == [(first["id"], "cancel")]
    assert fates(database, trigger_id) == ["fired", "fired"]
    assert {line["execution_id"] for line in ledger(database, trigger_id)} == {first["id"], second["id"]}


def test_a_spread_schedule_starts_later_with_the_planned_instant(database: Database, workflow: Published) -> None:
    config = once(database, ago=timedelta(seconds=5), jitter_seconds=3600)
    ids = [schedule(database, workflow, config, since=timedelta(hours=1, seconds=10)) for _ in range(40)]
    delays = {trigger_id: delay_of(read_config(json.dumps(config)), trigger_id) for trigger_id in ids}
    database.execute("UPDATE triggers SET next_fire_at = now()")
    tick()
    early = {row["trigger_id"] for row in executions(database)}
    assert early == {trigger_id for trigger_id in ids if delays[trigger_id] <= timedelta(seconds=5)}
    for trigger_id in ids:
        row = trigger_row(database, trigger_id)
        if trigger_id not in early:
            assert row["next_fire_at"] - datetime.fromisoformat(config["at"]) == delays[trigger_id]


# Exactly once


def test_dropped_and_late_events_lose_no_instant_and_repeat_none(database: Database, workflow: Published) -> None:
    """A minute's schedule while the clock's events go wrong: five copies at once, then three dropped, then one of long ago."""
    start = db_now(database).replace(second=0, microsecond=0) - timedelta(minutes=9)
    ids = [
        schedule(database, workflow, {"every_seconds": 60, "start": to_text(start), "misfire": policy}, since=timedelta(minutes=4))
        for policy in ("skip", "last", "all")
    ]
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 4000, aws_request_id="x")

    def events(time: str, copies: int) -> None:
        event = {"source": "aws.events", "detail-type": "Scheduled Event", "time": time, "resources": ["rule/tick"]}
        threads = [threading.Thread(target=lambda: handler(event, context)) for _ in range(copies)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    events(to_text(db_now(database)) or "", 5)  # the first after three that were dropped
    events("2020-01-01T00:00:00Z", 1)  # one that was delivered years late
    events(to_text(start) or "", 3)
    for trigger_id in ids:
        lines = ledger(database, trigger_id)
        gaps = {later["planned_at"] - earlier["planned_at"] for earlier, later in zip(lines, lines[1:], strict=False)}
        assert len(lines) >= 4
        assert gaps == {MINUTE}
        assert all(line["execution_id"] or line["reason"] == "misfire_skip" for line in lines)
        started = sorted(json.loads(row["trigger"])["planned_at"] for row in executions(database, trigger_id))
        assert started == [to_text(line["planned_at"]) for line in lines if line["execution_id"]]
    assert [len(executions(database, trigger_id)) >= 4 for trigger_id in ids] == [False, False, True]


def test_five_ticks_at_once_fire_each_instant_once(database: Database, workflow: Published) -> None:
    config = every(database, 10, misfire="all")
    ids = [schedule(database, workflow, config, since=timedelta(seconds=45)) for _ in range(60)]
    barrier = threading.Barrier(5)
    reports: list[TickReport] = []

    def one() -> None:
        barrier.wait()
        reports.append(run_tick(new_id("tick"), rounds=4, clock=FastClock(), batch=7))

    threads = [threading.Thread(target=one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.errors for report in reports] == [[]] * 5
    started = executions(database)
    instants = {(row["trigger_id"], json.loads(row["trigger"])["planned_at"]) for row in started}
    assert len(started) == len(instants) == sum(report.fired for report in reports)
    for trigger_id in ids:
        lines = ledger(database, trigger_id)
        assert len(lines) >= 4
        assert {line["outcome"] for line in lines} == {"fired"}
        assert {line["execution_id"] for line in lines} == {row["id"] for row in started if row["trigger_id"] == trigger_id}
        gaps = {later["planned_at"] - earlier["planned_at"] for earlier, later in zip(lines, lines[1:], strict=False)}
        assert gaps == {timedelta(seconds=10)}


def test_one_event_delivered_five_times_at_once(database: Database, workflow: Published) -> None:
    ids = [schedule(database, workflow, once(database)) for _ in range(20)]
    event = {"source": "aws.events", "detail-type": "Scheduled Event", "time": "2026-11-22T14:00:00Z", "resources": ["rule/tick"]}
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 4000, aws_request_id="the-same")
    answers: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(handler(event, context))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer["fired"] for answer in answers) == len(executions(database)) == 20
    assert all(fates(database, trigger_id) == ["fired"] for trigger_id in ids)


def test_a_tick_killed_before_its_commit_has_done_nothing(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))

    def killed() -> None:
        with db.transaction() as connection:
            assert fire_batch(connection, 10).fired == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert (ledger(database, trigger_id), executions(database)) == ([], [])
    assert tick().fired == 1
    assert len(executions(database)) == 1


def test_what_is_in_the_ledger_is_not_started_again(database: Database, workflow: Published) -> None:
    """Even when the trigger's own columns were set back and the start key is long forgotten."""
    config = once(database)
    trigger_id = schedule(database, workflow, config)
    tick()
    database.execute("DELETE FROM start_keys")
    due_again(database, trigger_id, config)
    report = tick()
    assert (report.fired, report.skipped, len(executions(database))) == (0, 0, 1)
    assert trigger_row(database, trigger_id)["next_fire_at"] is None


def test_what_only_the_start_key_remembers_is_recorded_with_its_execution(database: Database, workflow: Published) -> None:
    config = once(database)
    trigger_id = schedule(database, workflow, config)
    tick()
    database.execute("DELETE FROM occurrences")
    due_again(database, trigger_id, config)
    tick()
    (execution,) = executions(database)
    assert [line["execution_id"] for line in ledger(database, trigger_id)] == [execution["id"]]


def test_a_workflow_being_changed_is_left_for_the_next_round(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))
    with db.transaction() as publishing:
        db.run(publishing, "UPDATE workflows SET name = 'renamed'")
        report = tick(rounds=2)
        assert (report.fired, report.errors) == (0, [])
    assert tick().fired == 1
    assert fates(database, trigger_id) == ["fired"]


def test_a_batch_that_has_grown_large_leaves_the_rest_to_the_next(
    database: Database, workflow: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LINES_PER_BATCH", 5)
    monkeypatch.setattr(service, "ROWS_PER_START", 2)
    for _ in range(4):
        schedule(database, workflow, every(database, 10), since=timedelta(seconds=35))
    with db.transaction() as connection:
        first = fire_batch(connection, 500)
    assert first.more
    assert first.claimed < 4
    tick()
    ids = [row["id"] for row in database.execute("SELECT id FROM triggers")]
    assert all(len(ledger(database, trigger_id)) >= 3 for trigger_id in ids)
    assert len(executions(database)) == sum(len(ledger(database, trigger_id)) for trigger_id in ids)


# Trouble stays with its trigger


def test_a_trigger_the_database_refuses_harms_no_other(database: Database, workflow: Published) -> None:
    ids = [schedule(database, workflow, once(database)) for _ in range(5)]
    database.execute(
        f"""CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF NEW.trigger_id = '{ids[2]}' THEN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$"""
    )
    database.execute("CREATE TRIGGER refuse BEFORE INSERT ON occurrences FOR EACH ROW EXECUTE FUNCTION refuse()")
    report = tick(rounds=2)
    assert (report.fired, report.errors) == (4, [])
    row = trigger_row(database, ids[2])
    assert row["unhealthy_reason"].startswith("firing failed: CheckViolation: refused")
    assert "INSERT" not in row["unhealthy_reason"]
    assert timedelta(minutes=4) < row["next_fire_at"] - db_now(database) < timedelta(minutes=6)

    database.execute("DROP FUNCTION refuse CASCADE")
    database.execute("UPDATE triggers SET next_fire_at = now() WHERE id = %(id)s", {"id": ids[2]})
    assert tick().fired == 1
    assert trigger_row(database, ids[2])["unhealthy_reason"] is None


def test_a_config_that_can_no_longer_be_read_is_said_and_loses_nothing(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))
    good = trigger_row(database, trigger_id)["config"]
    other = schedule(database, workflow, once(database))
    database.execute(
        "UPDATE triggers SET config = %(c)s WHERE id = %(id)s",
        {"c": '{"cron": "* * * * *", "timezone": "Atlantis/Capital"}', "id": trigger_id},
    )
    report = tick(rounds=2)
    assert (report.fired, report.errors, fates(database, other)) == (1, [], ["fired"])
    row = trigger_row(database, trigger_id)
    assert "Atlantis/Capital" in row["unhealthy_reason"]
    database.execute("UPDATE triggers SET config = %(c)s, next_fire_at = now() WHERE id = %(id)s", {"c": good, "id": trigger_id})
    assert tick().fired == 1


def test_a_database_that_fails_for_a_moment_costs_a_round(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))
    failures = [True, False]

    @contextmanager
    def unsteady() -> Iterator[Connection]:
        with db.transaction() as connection:
            if failures and failures.pop(0):
                db.run(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
            yield connection

    report = tick(rounds=3, transaction=unsteady)
    assert (len(report.errors), report.fired, fates(database, trigger_id)) == (1, 1, ["fired"])

    failures[:] = [True] * 9
    with pytest.raises(OperationalError):
        tick(rounds=2, transaction=unsteady)


# The tick


def test_it_stays_seventy_seconds_and_looks_every_second(database: Database) -> None:
    clock = FastClock()
    cache().delete(token())
    report = run_tick(new_id("tick"), clock=clock)
    assert (report.left, report.rounds, set(clock.pauses)) == ("stayed", 71, {1.0})


def test_it_pauses_only_until_the_next_instant(database: Database, workflow: Published) -> None:
    """A real second passes here, so that a schedule comes due during the tick."""
    trigger_id = schedule(database, workflow, {"at": to_text(db_now(database) + timedelta(seconds=0.6))}, since=timedelta(0))
    pauses: list[float] = []
    real = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: (pauses.append(seconds), time.sleep(seconds)))
    report = tick(rounds=3, clock=real)
    assert (report.fired, fates(database, trigger_id)) == (1, ["fired"])
    assert 0 < pauses[0] < 0.7


def test_it_leaves_when_time_is_nearly_up(database: Database, workflow: Published) -> None:
    schedule(database, workflow, once(database))
    cache().delete(token())
    report = run_tick(new_id("tick"), remaining_ms=lambda: 4999, clock=FastClock())
    assert (report.left, report.rounds, report.fired) == ("time", 1, 1)


def test_it_leaves_when_a_newer_one_has_registered(database: Database) -> None:
    def newer() -> None:
        tick()

    clock = FastClock(on_sleep=newer)
    report = tick(rounds=50, clock=clock)
    assert (report.left, report.rounds) == ("newer", 2)


def test_one_that_comes_right_after_another_looks_once_and_leaves(
    database: Database, workflow: Published, settings_env: Settings
) -> None:
    if not settings_env.redis_enabled:
        pytest.skip("without Redis both stay, and the newer one supersedes the other")
    schedule(database, workflow, once(database))
    cache().delete(token())
    cache().set_nx(token(), "another", 60_000)
    report = run_tick(new_id("tick"), clock=FastClock())
    assert (report.left, report.rounds, report.fired) == ("second", 1, 1)
    assert database.execute("SELECT 1 FROM ticks") == []
    cache().delete(token())


def test_it_wakes_the_engine_for_whatever_is_due(database: Database, workflow: Published, wakes: list[str]) -> None:
    schedule(database, workflow, once(database))
    fire()
    assert wakes == []
    assert tick(rounds=3).wakes == len(wakes) == 3
    database.execute("UPDATE wakes SET wake_at = now() + interval '1 hour'")
    assert tick(rounds=3).wakes == 0


def test_it_looks_again_soon_when_a_wake_comes_within_the_second(database: Database, workflow: Published) -> None:
    schedule(database, workflow, once(database))
    fire()
    database.execute("UPDATE wakes SET wake_at = now() + interval '700 milliseconds'")
    clock = FastClock()
    tick(rounds=2, clock=clock)
    assert 0 < clock.pauses[0] <= 0.7


def test_old_start_keys_are_forgotten_in_bounded_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.scheduler.tick.KEYS_PER_ROUND", 10)
    database.execute(
        """INSERT INTO start_keys (trigger_id, key, workspace_id, execution_id, body_hash, created_at)
           SELECT 'trg_x', n::text, 'ws', 'exe_x', '', now() - interval '193 hours' FROM generate_series(1, 25) n
           UNION ALL SELECT 'trg_y', n::text, 'ws', 'exe_x', '', now() - interval '191 hours' FROM generate_series(1, 5) n"""
    )
    report = tick(rounds=2)
    assert report.keys_forgotten == 10, "the first round makes partitions, the second forgets one batch"
    assert tick(rounds=5).keys_forgotten == 15
    assert [row["trigger_id"] for row in database.execute("SELECT trigger_id FROM start_keys")] == ["trg_y"] * 5


def test_the_ledger_is_kept_for_a_while_but_not_what_waits_or_runs(database: Database, workflow: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.scheduler.tick.KEYS_PER_ROUND", 10)
    trigger = schedule(database, workflow, once(database))
    fire()
    (live,) = database.execute("SELECT execution_id FROM occurrences")
    database.execute("UPDATE wakes SET wake_at = now() + interval '1 hour'")
    database.execute("UPDATE occurrences SET recorded_at = now() - interval '91 days'")
    database.execute(
        """INSERT INTO occurrences (trigger_id, planned_at, workspace_id, outcome, reason, execution_id, recorded_at)
           SELECT %(id)s, now() - n * interval '1 hour' - interval '91 days', 'ws', 'fired', NULL, 'exe_gone', now() - interval '91 days' FROM generate_series(1, 25) n
           UNION ALL SELECT %(id)s, now() - n * interval '1 hour', 'ws', 'skipped', 'overlap', NULL, now() - interval '89 days' FROM generate_series(1, 3) n
           UNION ALL SELECT %(id)s, now() - interval '5 hours', 'ws', 'pending', 'overlap_queued', NULL, now() - interval '91 days'""",
        {"id": trigger},
    )
    assert tick(rounds=3).occurrences_forgotten == 10, "partitions, keys, then one batch"
    assert tick(rounds=6).occurrences_forgotten == 15
    left = database.execute("SELECT outcome, execution_id FROM occurrences ORDER BY planned_at")
    assert sorted(row["outcome"] for row in left if row["execution_id"] is None) == ["pending", "skipped", "skipped", "skipped"]
    assert [row["execution_id"] for row in left if row["execution_id"] is not None] == [live["execution_id"]]


@pytest.mark.own_database
def test_missing_partitions_are_made(database: Database) -> None:
    (last,) = database.execute(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'executions'::regclass ORDER BY 1 DESC OFFSET 1 LIMIT 1"
    )
    database.execute(f"DROP TABLE {last['name']}")
    assert tick().partitions_made == 1
    assert database.one("SELECT to_regclass(%(name)s) AS found", name=last["name"])["found"] is not None


@pytest.mark.own_database
def test_a_chore_that_fails_does_not_stop_the_firing(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, once(database))
    database.execute("DROP FUNCTION ensure_partitions")
    report = tick(rounds=3)
    assert (report.errors, report.fired, fates(database, trigger_id)) == ([], 1, ["fired"])


def test_the_handler_answers_without_a_context(database: Database, workflow: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule(database, workflow, once(database))
    monkeypatch.setattr("chalicelib.scheduler.tick.STAY_SECONDS", 0.0)
    cache().delete(token())
    answer = handler({}, None)
    assert (answer["left"], answer["fired"], answer["errors"]) == ("stayed", 1, [])


# Reading the ledger


def read(trigger: Mapping[str, Any], limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
    with db.transaction() as connection:
        return occurrences(connection, trigger, limit, cursor)


def test_the_ledger_is_read_newest_first_in_pages(database: Database, workflow: Published) -> None:
    trigger_id = schedule(
        database, workflow, every(database, 3600, ago=timedelta(minutes=30), misfire="all"), since=timedelta(hours=7)
    )
    tick()
    row = trigger_row(database, trigger_id)
    lines = ledger(database, trigger_id)[::-1]
    pages, cursor = [], None
    for _ in range(3):
        page = read(row, 3, cursor)
        pages.append(page["items"])
        cursor = page["next_cursor"]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert cursor is None
    assert [item for page in pages for item in page] == [
        {"planned_at": to_text(line["planned_at"]), "outcome": "late", "reason": None, "execution_id": line["execution_id"]}
        for line in lines
    ]
    expected = [to_text(row["next_fire_at"] + HOUR * n) for n in range(20)]
    assert read(row)["upcoming"] == expected


def test_what_is_due_and_not_decided_is_pending(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, every(database, 10, ago=timedelta(seconds=5)), since=timedelta(seconds=28))
    row = trigger_row(database, trigger_id)
    answer = read(row, 1)
    assert [item["outcome"] for item in answer["items"]] == ["pending"] * 3
    assert answer["items"][0]["planned_at"] > answer["items"][1]["planned_at"] > answer["items"][2]["planned_at"]
    tick()
    assert [item["outcome"] for item in read(trigger_row(database, trigger_id))["items"]] == ["fired"] * 3


def test_a_disabled_schedule_has_nothing_coming(database: Database, workflow: Published) -> None:
    trigger_id = schedule(database, workflow, every(database, 10), enabled=False)
    assert read(trigger_row(database, trigger_id)) == {"items": [], "next_cursor": None, "upcoming": []}


def test_a_cursor_of_somebody_elses_making_is_refused(database: Database, workflow: Published) -> None:
    row = trigger_row(database, schedule(database, workflow, every(database, 10)))
    codes = []
    for cursor in ["", "x", "%%%", "é", "MjAyNg", "A" * 10_000, "bm90IGEgdGltZQ"]:
        with pytest.raises(BadRequest) as caught:
            read(row, 50, cursor)
        codes.append(caught.value.code)
    assert codes == ["invalid_cursor"] * 7


def test_only_schedules_have_occurrences() -> None:
    with pytest.raises(Conflict) as caught:
        read({"type": "api", "id": "trg_x"})
    assert caught.value.code == "not_a_schedule"


# Many


@pytest.mark.slow
def test_ten_thousand_schedules_due_in_the_same_minute(database: Database, workflow: Published, record_property: Any) -> None:
    database.execute(
        """INSERT INTO triggers (id, workspace_id, workflow_id, type, config, created_at, planned_through, next_fire_at)
           SELECT 'trg_' || lpad(n::text, 26, '0'), %(ws)s, %(wf)s, 'schedule',
                  json_build_object('cron', to_char(due AT TIME ZONE 'UTC', 'MI HH24 DD MM *'), 'timezone', 'UTC')::text, now() - interval '1 day', due - interval '1 second', due
           FROM generate_series(1, 10000) n, (SELECT date_trunc('minute', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS due) minute""",
        {"ws": DEFAULT_WORKSPACE, "wf": workflow.workflow_id},
    )
    began = time.monotonic()
    report = tick()
    seconds = time.monotonic() - began
    record_property("seconds", round(seconds, 2))
    print(f"\n10,000 schedules of one minute fired in {seconds:.1f} s")
    assert report.errors == []
    assert report.skipped == 0
    assert report.fired + report.late == 10_000
    counted = database.one(
        "SELECT count(*) AS n, count(DISTINCT (trigger_id, planned_at)) AS instants, count(DISTINCT trigger_id) AS triggers FROM occurrences"
    )
    assert counted["triggers"] == 10_000
    assert counted["n"] == counted["instants"] == len(executions(database)) == 10_000

"""What came to triggers and started nothing, and how late schedules were: counted once, and the same as a recount of the ledger."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.analytics.folding import fold_all, recount_days
from chalicelib.analytics.projector import expire
from chalicelib.core.clock import to_text, utc_now
from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.db import transaction
from chalicelib.scheduler.service import fire_batch
from chalicelib.triggers import delivery_notes
from functions.kafka import handler
from tests.integration.analytics.test_projector import invented
from tests.integration.api.conftest import api  # noqa: F401 - a fixture
from tests.integration.test_scheduler import schedule
from tests.support.api import ApiClient
from tests.support.kafka_triggers import kafka_trigger, msk_event, record
from tests.support.workflows import Database, definition, published

pytestmark = pytest.mark.usefixtures("settings_env")

STEP = definition({"id": "step", "type": "transform", "config": {"assign": {"ok": "true"}}})


def counts(database: Database, level: str = "day") -> dict[tuple[str, str], int]:
    """By outcome and reason."""
    rows = database.execute("SELECT outcome, reason, n FROM trigger_rollups WHERE level = %(level)s", {"level": level})
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found[row["outcome"], row["reason"]] += row["n"]
    return dict(+found)


def rollups(database: Database) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in database.execute("SELECT * FROM trigger_rollups WHERE n <> 0")}


def recount() -> None:
    today = datetime.now(UTC).date()
    recount_days(today - timedelta(days=2), today + timedelta(days=1))


def of(api: ApiClient, trigger_id: str) -> dict[str, Any]:  # noqa: F811
    (found,) = [item for item in api.get("/analytics/triggers").json["items"] if item["trigger_id"] == trigger_id]
    return found


def test_http_counts_what_it_turned_away_also_where_no_line_was_written(api: ApiClient, database: Database) -> None:  # noqa: F811
    delivery_notes._allowance.clear()
    secret = {"auth": {"type": "api_key", "header": "X-Token", "secret": "a-key-of-its-own"}}
    trigger = api.door(api.published()["id"], **secret)
    path = f"/trigger/{trigger['config']['path']}"
    stranger = api.as_key(None)
    headers = {"Content-Type": "application/json", "X-Token": "a-key-of-its-own", "Idempotency-Key": "k"}
    answers = [stranger.request("POST", path, raw=b"{}", headers=headers).status for _ in range(3)]
    assert answers == [202, 202, 202]
    for _ in range(70):
        assert stranger.request("POST", path, raw=b"{}", headers={"X-Token": "wrong"}).status == 401
    lines = database.one("SELECT count(*) AS n, sum(times) AS times FROM trigger_deliveries WHERE outcome = 'refused'")
    assert lines["n"] < 70  # strangers cannot fill the log
    delivery_notes._allowance.clear()
    stranger.request("POST", path, raw=b"{}", headers={"X-Token": "wrong"})
    fold_all(lambda: True)
    found = of(api, trigger["id"])
    assert (found["duplicate"], found["refused"], found["fired"]) == (2, 71, 0)
    assert found["reasons"] == [{"outcome": "refused", "reason": "unauthenticated", "count": 71}]
    assert api.get("/analytics/summary").json["turned_away"]["refused"] == 71
    assert api.get(f"/triggers/{trigger['id']}/deliveries").json["items"][0]["times"] == 71 - lines["times"]


def test_planned_instants_their_lateness_and_a_recount(api: ApiClient, database: Database) -> None:  # noqa: F811
    workflow = published(database, STEP)
    every_minute = schedule(database, workflow, {"cron": "* * * * *", "misfire": "all"}, since=timedelta(minutes=10))
    disabled = schedule(database, published(database, STEP, enabled=False), {"cron": "* * * * *"}, since=timedelta(minutes=1, seconds=1))
    with transaction() as connection:
        fire_batch(connection, 100)
    fold_all(lambda: True)
    ledger = database.execute("SELECT outcome, coalesce(reason, '') AS reason, count(*)::int AS n FROM occurrences GROUP BY 1, 2")
    expected = {(row["outcome"], row["reason"]): row["n"] for row in ledger}
    assert expected[("skipped", "workflow_disabled")] >= 1
    for level in ("minute", "hour", "day"):
        assert counts(database, level) == expected
    found = of(api, every_minute)
    late = database.one("SELECT max(extract(epoch FROM recorded_at - planned_at))::float AS s FROM occurrences WHERE trigger_id = %(id)s", id=every_minute)["s"]
    assert found["late"] == expected["late", ""] >= 8
    assert abs(found["lateness"]["p99"] - late) <= late * 0.05
    assert of(api, disabled)["lateness"] == {"p50": None, "p95": None, "p99": None}
    summary = api.get("/analytics/summary").json
    assert summary["schedules"]["late"] == found["late"]
    assert summary["schedules"]["skipped_because"]["workflow_disabled"] == expected["skipped", "workflow_disabled"]
    folded = rollups(database)
    recount()
    assert rollups(database) == folded


def test_an_instant_that_waits_counts_when_it_is_decided_and_a_correction_is_no_second_one(database: Database) -> None:
    trigger_id = schedule(database, published(database, STEP), {"cron": "* * * * *"}, since=timedelta(0))
    values = {"id": trigger_id, "ws": DEFAULT_WORKSPACE, "exe": "exe_0000000000000000000000000a"}
    database.execute("INSERT INTO occurrences (trigger_id, planned_at, workspace_id, outcome) VALUES (%(id)s, now(), %(ws)s, 'pending')", values)
    fold_all(lambda: True)
    assert counts(database) == {}
    database.execute("UPDATE occurrences SET outcome = 'fired', execution_id = %(exe)s", values)
    fold_all(lambda: True)
    assert counts(database) == {("fired", ""): 1}
    database.execute("UPDATE occurrences SET outcome = 'skipped', execution_id = NULL, reason = 'gone'")
    fold_all(lambda: True)
    assert counts(database) == {("skipped", "gone"): 1}
    folded = rollups(database)
    recount()
    assert rollups(database) == folded


def test_kafka_records_that_were_passed_over_or_kept_as_dead_letters(api: ApiClient, database: Database) -> None:  # noqa: F811
    workflow = published(database, STEP)
    trigger_id = kafka_trigger(database, workflow, "orders", filter="input.n > 1")
    event = msk_event(record({"n": 1}, 0), record(b"{broken", 1), record({"n": 2}, 2), record({"n": 0}, 3))
    handler(event, None)
    handler(event, None)  # delivered again: the same dead letter
    fold_all(lambda: True)
    found = of(api, trigger_id)
    assert (found["type"], found["name"], found["dead_letter"], found["lag"]) == ("kafka", "orders", 1, None)
    assert found["reasons"] == [{"outcome": "dead_letter", "reason": "invalid_json", "count": 1}]
    skipped = database.one("SELECT skipped_records AS n FROM triggers WHERE id = %(id)s", id=trigger_id)["n"]
    assert found["passed_over"] == skipped
    lag = json.dumps({"orders/0": 7, "orders/1": 5, "other/0": 100})
    database.execute("INSERT INTO kafka_readers (holder, group_name, lag) VALUES ('here', %(id)s, %(lag)s)", {"id": trigger_id, "lag": lag})
    assert of(api, trigger_id)["lag"] == 12
    assert api.get("/analytics/summary").json["kafka"] == {"triggers": 1, "groups": 1, "lag": 12, "troubles": []}
    assert api.get(f"/analytics/summary?workflow_id={workflow.workflow_id}").json["kafka"]["lag"] == 12
    assert api.get("/analytics/summary?workflow_id=wf_00000000000000000000000000").json["kafka"] is None


def test_figures_of_a_trigger_outlive_it_and_go_by_their_level(api: ApiClient, database: Database) -> None:  # noqa: F811
    trigger_id = schedule(database, published(database, STEP), {"cron": "* * * * *"}, since=timedelta(minutes=3))
    with transaction() as connection:
        fire_batch(connection, 100)
    fold_all(lambda: True)
    database.execute("DELETE FROM triggers WHERE id = %(id)s", {"id": trigger_id})
    found = of(api, trigger_id)
    assert (found["exists"], found["type"]) == (False, "schedule")
    assert found["fired"] + found["late"] + found["skipped"] > 0
    for days, levels in ((5, {"hour", "day"}), (130, {"day"}), (4000, set())):
        with transaction() as connection:
            expire(connection, utc_now() + timedelta(days=days))
        assert {row["level"] for row in database.execute("SELECT DISTINCT level FROM trigger_rollups")} == levels


def test_a_table_compares_with_the_span_before(api: ApiClient, database: Database) -> None:  # noqa: F811
    invented(database, random.Random(3), 40)
    fold_all(lambda: True)
    now = utc_now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    query = f"from={to_text(now - timedelta(hours=12))}&to={to_text(now)}"
    earlier = f"from={to_text(now - timedelta(hours=24))}&to={to_text(now - timedelta(hours=12))}"
    before = {item["workflow_id"]: item for item in api.get(f"/analytics/breakdown?{earlier}").json["items"]}
    items = api.get(f"/analytics/breakdown?{query}&compare=true").json["items"]
    assert items
    for item in items:
        same = before.get(item["workflow_id"], {"total": 0, "p95": None})
        assert (item["previous"]["total"], item["previous"]["p95"]) == (same["total"], same["p95"])
    assert api.get("/analytics/breakdown?compare=maybe").status == 422

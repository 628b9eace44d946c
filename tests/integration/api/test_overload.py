"""A full queue: the door answers 429, and what was accepted runs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core import config
from chalicelib.engine import overload
from tests.support.api import ApiClient, ApiResponse
from tests.support.engines import EngineRun
from tests.support.workflows import Database

LIMIT = 7


@pytest.fixture(autouse=True)
def low(settings_env: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A low limit, looked up for every delivery."""
    monkeypatch.setattr(overload, "LOOK_SECONDS", 0.0)
    monkeypatch.setenv("MILLRACE_QUEUE_LIMIT", str(LIMIT))
    config.settings.cache_clear()


def send(api: ApiClient, path: str, **headers: str) -> ApiResponse:
    return api.as_key(None).request("POST", f"/trigger/{path}", raw=b"{}", headers=headers)


def test_past_the_limit_the_door_answers_429_until_workers_have_come(api: ApiClient, database: Database, engine: EngineRun) -> None:
    path = api.door(api.published()["id"])["config"]["path"]
    answers = [send(api, path) for _ in range(LIMIT + 3)]
    assert [answer.status for answer in answers] == [202] * LIMIT + [429] * 3
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.code == "rate_limited"
    assert int(refused.headers["retry-after"]) == overload.RETRY_AFTER_SECONDS
    accepted = [answer.json["execution_id"] for answer in answers[:LIMIT]]
    assert {row["status"] for row in engine.until_ended(*accepted)} == {"succeeded"}
    assert send(api, path).status == 202
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == LIMIT + 1


def test_every_door_that_gives_workers_more_to_do_is_shut_and_no_other(api: ApiClient, database: Database, engine: EngineRun) -> None:
    workflow = api.published()["id"]
    door = api.door(workflow)
    begun = send(api, door["config"]["path"]).json["execution_id"]
    delivery = api.get(f"/triggers/{door['id']}/deliveries").json["items"][0]["id"]
    engine.until_ended(begun)
    assert [send(api, door["config"]["path"]).status for _ in range(LIMIT)] == [202] * LIMIT
    bulk = {"filter": {"workflow_id": workflow}}
    letter = "dl_00000000000000000000000000"
    for path, body in (
        (f"/workflows/{workflow}/executions", {}),
        (f"/executions/{begun}/retry", {}),
        ("/executions/bulk", {**bulk, "action": "retry"}),
        ("/events", {"name": "paid", "payload": {}}),
        (f"/triggers/{door['id']}/deliveries/{delivery}/replay", {}),
        (f"/dead-letters/{letter}/replay", {}),
    ):
        refused = api.post(path, body)
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "rate_limited", str(overload.RETRY_AFTER_SECONDS)), path
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == LIMIT + 1
    assert database.one("SELECT count(*) AS n FROM events")["n"] == 0
    assert api.post("/executions/bulk", {**bulk, "action": "retry", "dry_run": True}).status == 200
    assert api.post("/executions/bulk", {**bulk, "action": "cancel"}).json["done"] == LIMIT


def test_what_waits_for_its_time_does_not_fill_the_queue(api: ApiClient, database: Database) -> None:
    path = api.door(api.published()["id"])["config"]["path"]
    assert [send(api, path).status for _ in range(LIMIT)] == [202] * LIMIT
    database.execute("UPDATE wakes SET wake_at = now() + interval '1 hour'")
    assert send(api, path).status == 202


def test_of_many_callers_at_once_those_told_202_and_no_others_have_executions(api: ApiClient, database: Database) -> None:
    path = api.door(api.published()["id"])["config"]["path"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: send(api, path), range(80)))
    accepted = {answer.json["execution_id"] for answer in answers if answer.status == 202}
    assert {answer.status for answer in answers} == {202, 429}
    assert accepted == {row["id"] for row in database.execute("SELECT id FROM executions")}


def test_metrics_tell_how_long_the_oldest_has_been_due(api: ApiClient, database: Database) -> None:
    from infra.host.web.measures import QueueCollector

    path = api.door(api.published()["id"])["config"]["path"]
    send(api, path), send(api, path)
    database.execute("UPDATE wakes SET wake_at = now() - interval '90 seconds' WHERE execution_id = (SELECT min(execution_id) FROM wakes)")
    found = {metric.name: metric.samples[0].value for metric in QueueCollector().collect() if metric.samples}
    assert found["millrace_queue_depth"] == 2
    assert 90 <= found["millrace_queue_oldest_due_seconds"] < 600


def test_a_look_is_remembered_for_a_while(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "LOOK_SECONDS", 1.0)
    looks: list[float] = []
    now = [time.monotonic()]

    def execute(_sql: str, _params: object) -> list[dict[str, int]]:
        looks.append(now[0])
        return [{"due": 0}]

    bound = overload.Bound(execute, 1, clock=lambda: now[0])
    for _ in range(5):
        bound.check()
        now[0] += 0.4
    assert len(looks) == 2

"""Every handler of the manifest, called in this process with events as AWS sends them, on real PostgreSQL and Redis."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from chalicelib.core import config
from chalicelib.core.errors import BadRequest, Unavailable
from chalicelib.triggers.kafka_outcomes import alias_of
from functions import engine, fire, kafka, mirror, scheduler
from infra.aws import migrate
from tests.contract.recorded import RestClient, context, recorded
from tests.support.workflows import Database, definition

pytestmark = pytest.mark.usefixtures("lambda_process")

BRANCHING = definition(
    {"id": "double", "type": "transform", "config": {"assign": {"total": "input.total * 2"}}},
    {"id": "large", "type": "condition", "config": {"expression": "nodes.double.output.total > 100"}},
    {"id": "yes", "type": "transform", "config": {"assign": {"size": "'large'"}}},
    {"id": "no", "type": "transform", "config": {"assign": {"size": "'small'"}}},
    edges=[("double", "large"), ("large", "true", "yes"), ("large", "false", "no")],
)
ECHO = definition({"id": "echo", "type": "transform", "config": {"assign": {"got": "input"}}})


def execution(database: Database, execution_id: str) -> dict[str, Any]:
    return dict(database.one("SELECT * FROM executions WHERE id = %(id)s", id=execution_id))


def test_a_workflow_is_made_triggered_and_carried_out(rest: RestClient, database: Database) -> None:
    workflow = rest.publish(BRANCHING)
    trigger = rest.trigger(workflow, "api", path="contract-orders")
    status, headers, accepted = rest.send("POST", "/trigger/contract-orders", {"total": 60.5}, key=False)
    assert (status, accepted["duplicate"]) == (202, False)
    assert headers["millrace-execution-id"] == accepted["execution_id"]

    assert engine.handler({"source": "wake"}, context()) == {"claimed": 1}

    row = execution(database, accepted["execution_id"])
    assert (row["status"], row["trigger_id"]) == ("succeeded", trigger["id"])
    seen = rest.want("GET", f"/executions/{accepted['execution_id']}")
    assert seen["output"] == {"yes": {"size": "large"}}
    assert {node["node_id"]: node["status"] for node in seen["nodes"]} == {
        "double": "succeeded", "large": "succeeded", "yes": "succeeded", "no": "skipped",
    }  # fmt: skip
    assert database.execute("SELECT 1 FROM wakes") == []


def test_a_second_delivery_starts_nothing(rest: RestClient, database: Database) -> None:
    rest.trigger(rest.publish(ECHO), "api", path="contract-twice")
    answers = [rest.send("POST", "/trigger/contract-twice", {"n": 1}, key=False, **{"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert [status for status, _, _ in answers] == [202, 202]
    assert [body["duplicate"] for _, _, body in answers] == [False, True]
    assert len({body["execution_id"] for _, _, body in answers}) == 1
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 1


def test_a_body_arrives_byte_for_byte(rest: RestClient, database: Database) -> None:
    rest.trigger(rest.publish(ECHO), "api", path="contract-bytes")
    data = bytes(range(256))
    _, _, accepted = rest.send(
        "POST", "/trigger/contract-bytes", raw=data, key=False, **{"Content-Type": "application/octet-stream"}
    )
    stored = json.loads(execution(database, accepted["execution_id"])["input"])
    assert base64.b64decode(stored["base64"]) == data


@pytest.mark.parametrize(
    ("method", "path", "how", "status", "code"),
    [
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("GET", "/workflows/wf_x/nowhere/else", {}, 404, "not_found"),
        ("PUT", "/workflows", {"body": {}}, 405, "method_not_allowed"),
        ("GET", "/workflows", {"key": False}, 401, "unauthenticated"),
        ("POST", "/workflows", {"raw": b"{"}, 400, "invalid_json"),
        ("POST", "/workflows", {"raw": b"{}", "Content-Type": "text/csv"}, 415, "unsupported_media_type"),
        ("POST", "/workflows", {"body": {"nme": 1}}, 422, "validation_failed"),
        ("POST", "/trigger/contract-errors", {"raw": b'"' + b"x" * 1_200_000 + b'"'}, 413, "payload_too_large"),
        ("POST", "/trigger/nobody-has-this", {"body": {}}, 404, "not_found"),
        ("GET", "/executions", {"query": "limit=0"}, 422, "validation_failed"),
    ],
)
def test_what_is_wrong_is_a_problem(rest: RestClient, method: str, path: str, how: dict[str, Any], status: int, code: str) -> None:
    if path.endswith("contract-errors"):
        rest.trigger(rest.publish(ECHO), "api", path="contract-errors")
    got, headers, problem = rest.send(method, path, **how)
    assert (got, problem["code"], headers["content-type"]) == (status, code, "application/problem+json")
    assert ("allow" in headers) == (status == 405)


def test_a_browser_may_ask_first(rest: RestClient, monkeypatch: pytest.MonkeyPatch, settings_env: Any) -> None:
    monkeypatch.setenv("MILLRACE_CORS_ORIGINS", "https://app.example")
    config.settings.cache_clear()
    asked = {"Access-Control-Request-Method": "PATCH", "key": False}
    status, headers, _ = rest.send("OPTIONS", "/workflows/wf_1", Origin="https://app.example", **asked)
    assert (status, headers["access-control-allow-origin"]) == (204, "https://app.example")
    assert "PATCH" in headers["access-control-allow-methods"]
    _, headers, _ = rest.send("OPTIONS", "/workflows/wf_1", Origin="https://evil.example", **asked)
    assert "access-control-allow-origin" not in headers
    _, headers, _ = rest.send("GET", "/nowhere", Origin="https://app.example")
    assert headers["access-control-allow-origin"] == "https://app.example"


def test_head_is_get_and_options_tells_what_is_allowed(rest: RestClient) -> None:
    assert rest.send("HEAD", "/health", key=False)[0] == 200
    status, headers, _ = rest.send("OPTIONS", "/workflows", key=False)
    assert (status, headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


def test_a_schedule_fires_once_for_each_instant(rest: RestClient, database: Database) -> None:
    trigger = rest.trigger(rest.publish(ECHO), "schedule", every_seconds=1)
    event = recorded("eventbridge_scheduled")
    first = scheduler.handler(event, context(seconds=7.5))  # it leaves when less than five seconds remain
    assert first["fired"] >= 1
    assert first["left"] == "time"
    again = scheduler.handler(event, context(seconds=4))  # the same event, delivered twice
    occurrences = rest.want("GET", f"/triggers/{trigger['id']}/occurrences")["items"]
    fired = [each for each in occurrences if each["outcome"] in ("fired", "late")]
    assert len(fired) == first["fired"] + first["late"] + again["fired"] + again["late"]
    started = [each["execution_id"] for each in fired]
    assert len(set(started)) == len(started) == database.one("SELECT count(*) AS n FROM executions")["n"]

    assert engine.handler({"source": "tick"}, context())["claimed"] == len(started)
    assert {execution(database, each)["status"] for each in started} == {"succeeded"}


def test_kafka_records_become_executions_exactly_once(rest: RestClient, database: Database) -> None:
    trigger = rest.trigger(rest.publish(BRANCHING), "kafka", topic="orders")
    for event in (recorded("msk"), recorded("msk"), recorded("self_managed_kafka"), recorded("self_managed_kafka")):
        assert kafka.handler(event, context()) == {"batchItemFailures": []}
    rows = database.execute("SELECT id, input, trigger FROM executions ORDER BY (trigger::json->>'offset')::int")
    assert [json.loads(row["input"])["order"] for row in rows] == [1, 2, 4]
    assert json.loads(rows[0]["trigger"])["headers"] == {"trace": "abcä"}
    assert json.loads(rows[0]["trigger"])["key"] == "customer-7"
    (letter,) = rest.want("GET", "/dead-letters")["items"]
    assert (letter["trigger_id"], letter["topic"], letter["partition"], letter["offset"]) == (trigger["id"], "orders", 1, 3)

    assert engine.handler({"source": "wake"}, context()) == {"claimed": 3}
    ended = [json.loads(execution(database, row["id"])["output"] or "null") for row in rows]
    assert ended == [{"yes": {"size": "large"}}, {"no": {"size": "small"}}, {"no": {"size": "small"}}]


def test_an_alias_names_the_consumer_group_a_kafka_mapping_is_for(rest: RestClient, database: Database) -> None:
    workflow = rest.publish(BRANCHING)
    mine = rest.trigger(workflow, "kafka", topic="orders", group="mine")
    rest.trigger(workflow, "kafka", topic="orders", group="others")
    kafka.handler(recorded("self_managed_kafka"), context(alias=alias_of("mine")))
    assert [row["trigger_id"] for row in database.execute("SELECT trigger_id FROM executions")] == [mine["id"]]


def test_a_kafka_batch_that_cannot_be_stored_comes_again(
    rest: RestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.trigger(rest.publish(BRANCHING), "kafka", topic="orders")
    with monkeypatch.context() as broken:
        broken.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
        config.settings.cache_clear()
        with pytest.raises(Unavailable):
            kafka.handler(recorded("msk"), context())
    config.settings.cache_clear()
    kafka.handler(recorded("msk"), context())
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 2


def test_a_batch_that_a_trigger_stands_in_front_of_comes_again_on_lambda(rest: RestClient, database: Database) -> None:
    """Lambda's pollers read no batchItemFailures unless they are provisioned, so what is held must fail the batch, once the rest is kept."""
    workflow = rest.publish(BRANCHING)
    rest.trigger(workflow, "kafka", topic="orders", on_poison="pause")
    for _ in range(2):
        with pytest.raises(kafka.RecordsHeld, match="'orders-1', 'offset': 3"):
            kafka.handler(recorded("msk"), context())
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 2
    assert kafka.handler(recorded("msk"), None)["batchItemFailures"]  # the host's reader takes it from there


def test_an_alarm_fires_its_own_schedule_and_only_when_it_is_due(rest: RestClient, database: Database) -> None:
    workflow = rest.publish(ECHO)
    mine, other = rest.trigger(workflow, "schedule", every_seconds=3600), rest.trigger(workflow, "schedule", every_seconds=3600)
    assert fire.handler({"trigger_id": mine["id"]}, context()) == {"fired": 0, "late": 0, "skipped": 0}
    for trigger in (mine, other):
        database.execute("UPDATE triggers SET planned_through = planned_through - interval '1 hour', next_fire_at = next_fire_at - interval '1 hour 1 second', created_at = created_at - interval '1 hour 1 second' WHERE id = %(id)s", {"id": trigger["id"]})
    assert fire.handler({"trigger_id": mine["id"]}, context()) == {"fired": 1, "late": 0, "skipped": 0}
    assert fire.handler({"trigger_id": mine["id"]}, context()) == {"fired": 0, "late": 0, "skipped": 0}  # delivered twice
    assert [row["trigger_id"] for row in database.execute("SELECT trigger_id FROM executions")] == [mine["id"]]
    assert fire.handler({"trigger_id": "trg_00000000000000000000000000"}, context()) == {"fired": 0, "late": 0, "skipped": 0}


def test_without_settings_for_it_the_mirror_does_nothing(database: Database) -> None:
    assert mirror.handler({}, context()) == {"schedules": None, "kafka": None}


def test_an_event_of_another_source_is_refused() -> None:
    with pytest.raises(BadRequest, match="no Kafka event"):
        kafka.handler(recorded("msk") | {"eventSource": "aws:sqs"}, context())


def test_the_engine_leaves_in_time_and_another_call_goes_on(rest: RestClient, database: Database) -> None:
    waiting = definition(
        {"id": "pause", "type": "delay", "config": {"seconds": 1}},
        {"id": "after", "type": "transform", "config": {"assign": {"done": "true"}}},
        edges=[("pause", "after")],
    )
    workflow = rest.publish(waiting)
    accepted = rest.want("POST", f"/workflows/{workflow['id']}/executions", {"input": {}})
    engine.handler({"source": "wake"}, context(seconds=10.2))  # ten seconds are kept for letting go
    assert execution(database, accepted["id"])["status"] in ("running", "waiting", "queued")
    (row,) = database.execute("SELECT worker, wake_at FROM wakes")
    assert row["worker"] is None
    time.sleep(max(0.0, row["wake_at"].timestamp() - time.time()))
    engine.handler({"source": "tick"}, context())
    assert execution(database, accepted["id"])["status"] == "succeeded"


def test_migrating_again_changes_nothing(database: Database) -> None:
    answer = migrate.handler({}, context())
    assert answer["before"] == answer["after"] == database.one("SELECT version_num AS at FROM alembic_version")["at"]

"""What is said of a trigger is true at once: changed, moved, disabled or deleted with the commit, refused at save with the path of the wrong field, or unhealthy with the reason."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.kafka_triggers import Broker
from tests.support.product import Product
from tests.support.workflows import definition

STEP = {"id": "step", "type": "transform", "config": {"assign": {"n": "input.n"}}}
STRICT = {"input_schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}


@pytest.fixture
def broker() -> Iterator[Broker]:
    servers = os.environ.get("MILLRACE_TEST_KAFKA", "none")
    if servers == "none":
        pytest.skip("there is no broker for this run")
    opened = Broker(servers)
    yield opened
    opened.close()


def until(check: Callable[[], Any], seconds: float = 60) -> Any:
    """What `check` answers once it is true; the limit is for hanging, not for speed."""
    end = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < end, f"still {answer!r}"
        time.sleep(0.1)
    return answer


def workflow(product: Product, body: dict[str, Any] | None = None) -> str:
    made = product.api("POST", "/workflows", {"name": f"live {uuid.uuid4().hex[:8]}", "definition": body or definition(STEP)})
    product.api("POST", f"/workflows/{made['id']}/publish")
    return str(made["id"])


def trigger(product: Product, workflow_id: str, type: str, config: dict[str, Any], **more: Any) -> dict[str, Any]:
    return product.api("POST", "/triggers", {"workflow_id": workflow_id, "type": type, "config": config, **more})  # type: ignore[no-any-return]


def call(product: Product, path: str, body: Any = None) -> int:
    return product.call("POST", f"/api/trigger/{path}", {"n": 1} if body is None else body, key=False).status


def state(product: Product, trigger_id: str) -> tuple[str, str | None]:
    shown = product.api("GET", f"/triggers/{trigger_id}")
    return shown["state"], shown["reason"]


def health(product: Product, trigger_id: str) -> list[str]:
    """The facts, newest first."""
    return [change["state"] for change in product.api("GET", f"/triggers/{trigger_id}/health")["items"]]


def inputs(product: Product, workflow_id: str) -> list[Any]:
    listed = product.api("GET", f"/executions?workflow_id={workflow_id}&limit=200")["items"]
    return [product.api("GET", f"/executions/{item['id']}")["input"] for item in reversed(listed)]


def test_an_http_trigger_is_there_with_its_answer_and_gone_with_its_own(product: Product) -> None:
    workflow_id = workflow(product)
    for _ in range(20):
        mark = uuid.uuid4().hex[:10]
        made = trigger(product, workflow_id, "api", {"path": f"at-{mark}"})
        assert (made["state"], call(product, f"at-{mark}")) == ("active", 202)
        product.api("PATCH", f"/triggers/{made['id']}", {"config": {"path": f"moved-{mark}", "methods": ["POST"]}})
        assert (call(product, f"moved-{mark}"), call(product, f"at-{mark}")) == (202, 404)
        product.api("PATCH", f"/triggers/{made['id']}", {"enabled": False})
        assert (state(product, made["id"])[0], call(product, f"moved-{mark}")) == ("inactive", 409)
        product.api("PATCH", f"/triggers/{made['id']}", {"enabled": True})
        assert (state(product, made["id"])[0], call(product, f"moved-{mark}")) == ("active", 202)
        product.api("DELETE", f"/triggers/{made['id']}")
        assert call(product, f"moved-{mark}") == 404


def test_while_it_is_active_no_call_is_told_that_it_is_not_there(product: Product) -> None:
    workflow_id, path = workflow(product), f"busy-{uuid.uuid4().hex[:10]}"
    made = trigger(product, workflow_id, "api", {"path": path})
    answers: list[int] = []
    stop = threading.Event()

    def caller() -> None:
        while not stop.is_set():
            answers.append(call(product, path))

    callers = [threading.Thread(target=caller) for _ in range(4)]
    for each in callers:
        each.start()
    for n in range(25):
        product.api("PATCH", f"/triggers/{made['id']}", {"input": {"n": n}})
        if n % 5 == 0:
            product.api("POST", f"/workflows/{workflow_id}/publish")
    stop.set()
    for each in callers:
        each.join()
    assert set(answers) == {202}
    call(product, path)
    assert inputs(product, workflow_id)[-1] == {"n": 24}


def test_a_schedule_fires_from_its_answer_on_and_never_after_it_was_disabled(product: Product) -> None:
    workflow_id = workflow(product)
    made = trigger(product, workflow_id, "schedule", {"every_seconds": 1, "input": {"n": 1}})

    def ledger() -> list[dict[str, Any]]:
        return product.api("GET", f"/triggers/{made['id']}/occurrences?limit=100")["items"]  # type: ignore[no-any-return]

    until(lambda: [row for row in ledger() if row["outcome"] == "fired"])
    product.api("PATCH", f"/triggers/{made['id']}", {"config": {"every_seconds": 1, "input": {"n": 2}}})
    until(lambda: {"n": 2} in inputs(product, workflow_id))
    product.api("PATCH", f"/triggers/{made['id']}", {"enabled": False})
    at_that_moment = len(product.api("GET", f"/executions?workflow_id={workflow_id}&limit=200")["items"])
    time.sleep(3)  # three instants that must not run
    assert len(product.api("GET", f"/executions?workflow_id={workflow_id}&limit=200")["items"]) == at_that_moment
    assert product.api("GET", f"/triggers/{made['id']}")["next_fire_at"] is None


def test_kafka_records_published_after_the_answer_are_read_and_a_moved_trigger_reads_elsewhere(product: Product, broker: Broker) -> None:
    workflow_id, first, second = workflow(product), broker.topic(), broker.topic()
    made = trigger(product, workflow_id, "kafka", {"topic": first})
    broker.send(first, {"n": 1})
    until(lambda: inputs(product, workflow_id) == [{"n": 1}])
    product.api("PATCH", f"/triggers/{made['id']}", {"config": {"topic": second}})
    broker.send(second, {"n": 2})
    broker.send(first, {"n": 3})
    until(lambda: inputs(product, workflow_id) == [{"n": 1}, {"n": 2}])
    product.api("PATCH", f"/triggers/{made['id']}", {"enabled": False})
    broker.send(second, {"n": 4})
    until(lambda: product.api("GET", f"/triggers/{made['id']}")["skipped_records"] == 1)
    assert inputs(product, workflow_id) == [{"n": 1}, {"n": 2}]


def test_a_topic_that_is_not_there_makes_its_trigger_unhealthy_until_it_is(product: Product, broker: Broker) -> None:
    name = f"later-{uuid.uuid4().hex[:10]}"
    made = trigger(product, workflow(product), "kafka", {"topic": name})
    _, reason = until(lambda: found if (found := state(product, made["id"]))[0] == "unhealthy" else None)
    assert name in str(reason)
    broker.create(name)
    until(lambda: state(product, made["id"])[0] == "active")
    assert health(product, made["id"]) == ["healthy", "unhealthy"]


def test_a_schedule_whose_input_is_refused_is_unhealthy_and_well_again(product: Product) -> None:
    workflow_id = workflow(product)
    made = trigger(product, workflow_id, "schedule", {"every_seconds": 1, "input": {"n": "one"}})
    assert made["state"] == "active"
    tag = product.call("GET", f"/api/workflows/{workflow_id}").headers["etag"]
    product.api("PATCH", f"/workflows/{workflow_id}", {"definition": definition(STEP, **STRICT)}, if_match=tag)
    product.api("POST", f"/workflows/{workflow_id}/publish")
    _, reason = until(lambda: found if (found := state(product, made["id"]))[0] == "unhealthy" else None)
    assert str(reason).startswith("input_failed")
    product.api("PATCH", f"/triggers/{made['id']}", {"config": {"every_seconds": 1, "input": {"n": 1}}})
    until(lambda: {"n": 1} in inputs(product, workflow_id))
    assert state(product, made["id"]) == ("active", None)
    assert health(product, made["id"]) == ["healthy", "unhealthy"]
    product.api("DELETE", f"/triggers/{made['id']}")


def test_a_listener_whose_workflow_is_deleted_says_so(product: Product) -> None:
    listened, listening = workflow(product), workflow(product)
    made = trigger(product, listening, "workflow", {"workflow": listened, "on": ["succeeded"]})
    product.api("DELETE", f"/workflows/{listened}?cancel=true")
    assert state(product, made["id"]) == ("unhealthy", "the workflow it listens to was deleted")
    assert health(product, made["id"]) == ["unhealthy"]


WRONG = [
    ("api", {"path": "No Such Path"}, {}, "/config/path"),
    ("api", {"methods": ["FETCH"]}, {}, "/config/methods/0"),
    ("api", {"auth": {"type": "hmac", "header": "X-Sig", "algorithm": "md5", "secret": "0123456789abcdef"}}, {}, "/config/auth/algorithm"),
    ("api", {"auth": {"type": "github"}}, {}, "/config/auth/secret"),
    ("api", {"auth": {"type": "jwt", "jwks_url": "not-a-url", "issuer": "https://login.example", "audience": "orders"}}, {}, "/config/auth/jwks_url"),
    ("api", {"rate_limit": {"limit": 0, "per_seconds": 1}}, {}, "/config/rate_limit/limit"),
    ("api", {"dedupe_key": "trigger.headers["}, {}, "/config/dedupe_key"),
    ("api", {"cors": {"origins": ["no origin"]}}, {}, "/config/cors/origins"),
    ("api", {}, {"input": {"n": "{{ input. }}"}}, "/input/n"),
    ("schedule", {"cron": "61 * * * *"}, {}, "/config/cron"),
    ("schedule", {"cron": "* * * * *", "timezone": "Mars/Olympus"}, {}, "/config/timezone"),
    ("schedule", {"every_seconds": 0}, {}, "/config/every_seconds"),
    ("schedule", {"cron": "* * * * *", "misfire": "sometimes"}, {}, "/config/misfire"),
    ("kafka", {"topic": "no such topic!"}, {}, "/config/topic"),
    ("kafka", {"topic": "orders", "filter": "input.n >"}, {}, "/config/filter"),
    ("kafka", {"topic": "orders", "start": "yesterday"}, {}, "/config/start"),
    ("kafka", {"topic": "orders", "batch": {"max_records": 0}}, {}, "/config/batch/max_records"),
    ("workflow", {"workflow": "there-is-none", "on": ["failed"]}, {}, "/config/workflow"),
    ("workflow", {"workflow": "x", "on": ["exploded"]}, {}, "/config/on/0"),
    ("carrier-pigeon", {}, {}, "/type"),
]


@pytest.fixture(scope="module")
def any_workflow(product: Product) -> str:
    return workflow(product)


@pytest.mark.parametrize(("type", "config", "more", "path"), WRONG, ids=[f"{type}{path}" for type, _, _, path in WRONG])
def test_what_is_wrong_is_refused_at_save_with_its_path(
    product: Product, any_workflow: str, type: str, config: dict[str, Any], more: dict[str, Any], path: str
) -> None:
    answer = product.call("POST", "/api/triggers", {"workflow_id": any_workflow, "type": type, "config": config, **more})
    assert (answer.status, [problem["path"] for problem in answer.json()["errors"]]) == (422, [path]), json.dumps(answer.json())

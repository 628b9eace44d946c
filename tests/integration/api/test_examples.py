"""The example of every node type, run: what the documentation shows works."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.registry.catalogue import catalogue
from tests.support.api import ApiClient
from tests.support.http_server import answer, serving
from tests.support.runs import ENDED
from tests.support.workflows import definition

INPUT = {
    "id": "o-17", "total": 1200, "price": 20, "count": 2, "customer": "c-1", "email": "ada@example.com", "name": "Ada", "order": "17",
    "orders": [{"price": 1, "total": 3}, {"price": 2, "total": 4}], "phone": "+15550100", "code": "123456",
}  # fmt: skip
WEBHOOKS = {"name": "Webhooks", "type": "webhook_secret", "data": {"secret": "whsec_" + base64.b64encode(b"e" * 32).decode()}}
RECEIPT = definition({"id": "done", "type": "transform", "config": {"assign": {"order": "input.order"}}})


@dataclass(frozen=True)
class Setting:
    """What an example needs around it; `status` is how its execution ends, or `waiting`."""

    status: str = "succeeded"
    credential: Mapping[str, Any] | None = None
    workflow: Mapping[str, Any] | None = None
    expected: Any = field(default=None)


SETTINGS: dict[str, Setting] = {
    "webhook.send": Setting(credential=WEBHOOKS, expected={"status": 200}),
    "workflow.run": Setting(workflow={"name": "Send receipt", "slug": "send-receipt"}, expected={"done": {"order": "o-17"}}),
    "fail": Setting(status="failed"),
    "transform": Setting(expected={"cents": 120_000}),
    "condition": Setting(expected={"result": True}),
    "switch": Setting(expected={"case": "large"}),
    "map": Setting(),
    "respond": Setting(expected={"status": 200, "headers": {}, "body": {"ok": True}}),
}
# Run by the tests of their own, with the servers they need.
ELSEWHERE = {
    "kafka.publish": "tests/integration/kafka",
    **dict.fromkeys(("email.send", "sms.send", "push.send", "slack.send", "discord.send", "teams.send"), "tests/integration/messages"),
}


@pytest.mark.parametrize("type", [name for name in catalogue().types() if name not in ELSEWHERE])
def test_the_example_runs(api: ApiClient, worker: None, type: str) -> None:
    spec = catalogue().get(type)
    assert spec is not None
    setting = SETTINGS.get(type, Setting(status="waiting" if spec.kind == "wait" else "succeeded"))
    if setting.credential:
        assert api.post("/credentials", dict(setting.credential)).status == 201
    if setting.workflow:
        api.published(RECEIPT, **setting.workflow)
    with serving(lambda request: answer(b'{"ok": true}', "200 OK", "Content-Type: application/json")) as server:
        text = json.dumps(dict(spec.example))
        for host in ("https://api.example.com", "https://subscriber.example.com"):
            text = text.replace(host, server.url(""))
        workflow = api.published(definition({"id": "n", "type": type, "config": json.loads(text)}))
        execution_id = api.post(f"/workflows/{workflow['id']}/executions", {"input": INPUT}).json["id"]
        execution = until(api, execution_id, (*ENDED, setting.status))
    assert execution["status"] == setting.status, execution
    if setting.status == "waiting":
        api.post(f"/executions/{execution_id}/cancel")
        until(api, execution_id, ENDED)
    elif setting.expected is not None:
        assert execution["nodes"][0]["output"] == setting.expected


def until(api: ApiClient, execution_id: str, statuses: tuple[str, ...]) -> dict[str, Any]:
    """The execution, once it has one of these statuses."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        execution = api.get(f"/executions/{execution_id}").json
        if execution["status"] in statuses:
            return execution
        time.sleep(0.05)
    raise AssertionError(f"{execution_id} is {execution['status']}, not {statuses}")


def test_every_type_has_its_page_over_rest(api: ApiClient) -> None:
    for type in catalogue().types():
        answered = api.get(f"/registry/actions/{type}/documentation")
        assert answered.status == 200
        assert answered.headers["content-type"].startswith("text/markdown")
        assert f"`{type}`" in answered.body.decode()
    assert api.get("/registry/actions/no.such/documentation").status == 404


@pytest.mark.kafka
def test_the_example_of_kafka_publish_runs(api: ApiClient, worker: None, kafka_servers: str) -> None:
    example = {**catalogue().get("kafka.publish").example, "topic": f"orders-{time.time_ns()}"}  # type: ignore[union-attr]
    workflow = api.published(definition({"id": "n", "type": "kafka.publish", "config": example}))
    execution = until(api, api.post(f"/workflows/{workflow['id']}/executions", {"input": INPUT}).json["id"], ENDED)
    assert execution["nodes"][-1]["output"]["offset"] == 0

"""Every node type's example, run: published in a workflow, started over REST and carried on by a worker, against stand-ins of the services it names.

The config is the example's own; only the made-up hosts in it lead to this machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.core.config import settings
from chalicelib.core.kafka_publisher import close_publishers
from chalicelib.credentials import vault
from chalicelib.registry.catalogue import built_in
from tests.support.api import ApiClient
from tests.support.mail_server import mail_server
from tests.support.pushing import rsa_key
from tests.support.web_api import Sent, WebApi, web_api
from tests.support.workflows import Database

INPUT = {
    "id": "17", "order": "17", "total": 120, "customer": "c1", "email": "ann@example.org", "phone": "+15005550006", "name": "Ann", "code": "1234",
    "device_token": "abcdef", "orders": [{"total": 2}, {"total": 3.5}], "text": "Guten Tag", "month": "11",
}  # fmt: skip
HOSTS = ("https://api.example.com", "https://subscriber.example.com", "https://sqs.eu-central-1.amazonaws.com")
# What an example leaves to its default and this machine has not, or has no time for.
HERE: dict[str, Callable[[WebApi], dict[str, Any]]] = {
    "llm.prompt": lambda api: {"base_url": api.url + "/v1"},
    "digest": lambda api: {"window_seconds": 1},
}
AWS_ANSWERS = {
    "PutEvents": {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]},
    "StartExecution": {"executionArn": "arn:x", "startDate": 1767225600.0},
    "SendMessage": {"MessageId": "m-1"},
}
PUBLISHED = "<PublishResponse><PublishResult><MessageId>m-2</MessageId></PublishResult></PublishResponse>"
COMPLETION = {
    "id": "c-1", "model": "gpt-4.1-mini", "usage": {"prompt_tokens": 11, "completion_tokens": 7},
    "choices": [{"index": 0, "message": {"role": "assistant", "content": '{"language": "German"}'}, "finish_reason": "stop"}],
}  # fmt: skip


def service(request: Sent) -> tuple[int, Any] | tuple[int, Any, dict[str, str]]:
    """All services at once: each finds in the answer what it looks for."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if target in AWS_ANSWERS:
        return 200, AWS_ANSWERS[target]
    if request.path.startswith("/reports/"):
        return 200, b'{"n":1}' if request.method == "GET" else b"", {"ETag": '"e1"', "Content-Type": "application/json"}
    if request.body.startswith(b"Action=Publish"):
        return 200, PUBLISHED
    if request.path.endswith("/invocations"):
        return 200, {"price": 5}
    if request.path.endswith("/chat/completions"):
        return 200, COMPLETION
    return 200, {
        "id": "m-1", "sid": "SM1", "status": "queued", "ok": True, "ts": "1.2", "channel": "C1", "name": "projects/p/messages/1", "access_token": "t", "expires_in": 3599, "token_type": "Bearer",
    }  # fmt: skip


def firebase(api: WebApi) -> dict[str, Any]:
    account = {"client_email": "a@b", "private_key": rsa_key(), "private_key_id": "k", "project_id": "p", "token_uri": api.url + "/token"}
    return {"service_account": json.dumps(account), "api_url": api.url}


def shop_database(api: WebApi, port: int) -> dict[str, Any]:
    """The test's own database."""
    parts = urlsplit(settings().require_database_url())
    given = {"host": parts.hostname, "port": parts.port, "database": parts.path.lstrip("/"), "username": parts.username, "tls": "disable"}
    return {**given, **({"password": parts.password} if parts.password else {})}


def aws(api: WebApi, port: int) -> dict[str, Any]:
    return {"access_key_id": "AKIATEST", "secret_access_key": "secret-of-the-test", "region": "eu-central-1", "endpoint_url": api.url}


# The credentials that the examples name: slug -> type and data.
CREDENTIALS: dict[str, tuple[str, Callable[[WebApi, int], dict[str, Any]]]] = {
    "mail-server": ("smtp", lambda api, port: {"host": "127.0.0.1", "port": port, "security": "none", "sender": "shop@example.org"}),
    "twilio": ("twilio", lambda api, port: {"account_sid": "AC0123456789", "auth_token": "the-token", "sender": "+15005550001", "api_url": api.url}),
    "slack": ("slack_bot", lambda api, port: {"token": "xoxb-the-token", "api_url": api.url}),
    "discord": ("discord_webhook", lambda api, port: {"url": f"{api.url}/hook-of-the-example"}),
    "teams": ("teams_webhook", lambda api, port: {"url": f"{api.url}/hook-of-the-example"}),
    "firebase": ("fcm", lambda api, port: firebase(api)),
    "aws": ("aws", aws),
    "openai": ("bearer", lambda api, port: {"token": "sk-the-token"}),
    "shop-db": ("postgres", shop_database),
    "webhooks": ("webhook_secret", lambda api, port: {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLsSwMfKQ9r8GKYqr"}),
}

# What ends the example: the status, and what stands in the node's output (None: see ANSWERS).
EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "approval": ("succeeded", lambda output: output["decision"] == "approved"),
    "condition": ("succeeded", lambda output: output == {"result": True}),
    "delay": ("succeeded", lambda output: "until" in output),
    "digest": ("succeeded", lambda output: output["count"] == 1 and output["items"] == [{"text": "Guten Tag"}]),
    "discord.send": ("succeeded", lambda output: output["status"] in ("sent", "accepted", "queued", "delivered")),
    "email.send": ("succeeded", lambda output: output["provider"] == "smtp"),
    "events.put": ("succeeded", lambda output: output == {"event_id": "e-1"}),
    "fail": ("failed", lambda output: output is None),
    "function": ("succeeded", lambda output: output == {"total": 42}),
    "http.request": ("succeeded", lambda output: output["status"] == 200 and output["body"]["id"] == "m-1"),
    "kafka.publish": ("succeeded", lambda output: output["topic"] == "orders" and output["offset"] >= 0),
    "lambda.invoke": ("succeeded", lambda output: output["payload"] == {"price": 5}),
    "llm.prompt": ("succeeded", lambda output: output["data"] == {"language": "German"} and output["usage"]["input_tokens"] == 11),
    "map": ("succeeded", lambda output: [item["total"]["cents"] for item in output] == [200, 350.0]),
    "postgres.query": ("succeeded", lambda output: output["rows"] == [{"id": 7, "total": 120}]),
    "push.send": ("succeeded", lambda output: output["provider"] == "fcm"),
    "respond": ("succeeded", lambda output: output["status"] == 200 and output["body"] == {"ok": True}),
    "s3.get": ("succeeded", lambda output: output["body"] == {"n": 1}),
    "s3.put": ("succeeded", lambda output: output["etag"] == "e1"),
    "slack.send": ("succeeded", lambda output: output["message_id"] == "1.2"),
    "sms.send": ("succeeded", lambda output: output["message_id"] == "SM1"),
    "sns.publish": ("succeeded", lambda output: output["message_id"] == "m-2"),
    "sqs.send": ("succeeded", lambda output: output["message_id"] == "m-1"),
    "stepfunctions.start": ("succeeded", lambda output: output["execution_arn"] == "arn:x"),
    "stop": ("succeeded", lambda output: output == {"skipped": True}),
    "switch": ("succeeded", lambda output: output == {"case": "default"}),
    "teams.send": ("succeeded", lambda output: output["provider"]),
    "transform": ("succeeded", lambda output: output == {"cents": 12000}),
    "wait.callback": ("succeeded", lambda output: output == {"ok": True}),
    "wait.event": ("succeeded", lambda output: output["payload"] == {"amount": 120}),
    "webhook.send": ("succeeded", lambda output: output["status"] == 200),
    "workflow.run": ("succeeded", lambda output: output is not None),
}


def answer_wait(api: ApiClient, type: str, execution: dict[str, Any], link: str | None) -> None:
    """What the world does to a node that waits."""
    path = f"/executions/{execution['id']}/nodes/example/wake"
    if type == "delay":
        assert api.post(path).status in (200, 202, 204)
    elif type == "approval":
        assert link is not None
        assert api.post("/approvals/" + link.rpartition("/")[2], {"decision": "approved", "by": "finance"}).status == 200
    elif type == "wait.callback":
        assert link is not None
        assert api.post("/callbacks/" + link.rpartition("/")[2], {"ok": True}).status == 200
    elif type == "wait.event":
        assert api.post("/events", {"name": "order.paid", "key": "17", "payload": {"amount": 120}}).status == 202


def follow(api: ApiClient, type: str, execution_id: str) -> dict[str, Any]:
    """The execution when it has ended; a node that waits is answered once."""
    end, answered = time.monotonic() + 60, False
    while time.monotonic() < end:
        execution = api.get(f"/executions/{execution_id}").json
        if execution["status"] in ("succeeded", "failed", "cancelled"):
            return execution
        nodes = {node["node_id"]: node for node in execution["nodes"]}
        if not answered and execution["status"] == "waiting" and nodes.get("example", {}).get("status") == "waiting":
            link = (nodes.get("link", {}).get("output") or {}).get("url")
            answer_wait(api, type, execution, link)
            answered = True
        time.sleep(0.05)
    raise AssertionError(f"{type} is still {execution['status']}")


def workflow_of(type: str, config: dict[str, Any]) -> dict[str, Any]:
    """The example alone; one that waits for an answer has its link told by another node."""
    nodes = [{"id": "example", "type": type, "config": config, "retry": {"max_attempts": 1}}]
    if type in ("approval", "wait.callback"):
        nodes.append({"id": "link", "type": "transform", "config": {"assign": {"url": "nodes.example.callback_url"}}})
    return {"schema": "millrace/1", "nodes": nodes}


def test_every_type_is_in_the_table() -> None:
    assert set(EXPECTED) == set(built_in().types())


@pytest.mark.parametrize("type", built_in().types())
def test_the_example_runs(api: ApiClient, database: Database, worker: None, type: str, request: pytest.FixtureRequest) -> None:
    if type == "kafka.publish":
        request.getfixturevalue("kafka_servers")
    spec = built_in().get(type)
    assert spec is not None
    vault.forget_all()
    with web_api(service) as world, mail_server() as mail:
        text = json.dumps(spec.example)
        for slug, (kind, data) in CREDENTIALS.items():
            if f'"{slug}"' in text:
                made = api.post("/credentials", {"name": slug, "slug": slug, "type": kind, "data": data(world, mail.port)})
                assert made.status == 201, made.body
        if type == "workflow.run":
            api.published(slug="send-receipt", definition={"schema": "millrace/1", "nodes": [{"id": "done", "type": "stop", "config": {"output": "sent"}}]})
        for host in HOSTS:
            text = text.replace(host, world.url)
        if type == "postgres.query":
            database.execute("CREATE TABLE orders (id int, total numeric, customer text)")
            request.addfinalizer(lambda: database.execute("DROP TABLE orders"))
            database.execute("INSERT INTO orders VALUES (7, 120, 'c1'), (8, 5, 'c2')")
        config = json.loads(text) | HERE.get(type, lambda api: {})(world)
        workflow = api.published(workflow_of(type, config))
        started = api.post(f"/workflows/{workflow['id']}/executions", {"input": INPUT})
        assert started.status == 202, started.body
        execution = follow(api, type, started.json["id"])
    status, fits = EXPECTED[type]
    (node, *_) = [node for node in reversed(execution["nodes"]) if node["node_id"] == "example"]
    assert execution["status"] == status, node["error"]
    assert fits(node["output"]), node["output"]
    if type == "kafka.publish":
        close_publishers()


def test_every_type_has_its_page_over_rest(api: ApiClient) -> None:
    for type in built_in().types():
        answered = api.get(f"/registry/actions/{type}/documentation")
        assert answered.status == 200
        assert answered.headers["content-type"].startswith("text/markdown")
        assert f"`{type}`" in answered.body.decode()
    assert api.get("/registry/actions/no.such/documentation").status == 404

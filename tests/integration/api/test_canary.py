"""The canary: a credential's secret is sent out, the other side gives it back in every way it can, and it is found nowhere."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.credentials.catalogue import credential_types
from chalicelib.registry.catalogue import catalogue
from chalicelib.registry.references import CREDENTIAL
from tests.support.api import ApiClient
from tests.support.canary import database_text, found_in, redis_text, traces
from tests.support.http_server import Request, answer, serving
from tests.support.runs import until_ended
from tests.support.workflows import definition

pytestmark = pytest.mark.usefixtures("worker")
CANARY = 'cAnArY-0123/45+6789 "quoted" secret'
TOKEN = "tOkEn-of-the-canary-98765+43210/xyz"
KEY = base64.b64encode(b"webhook canary key of 32 bytes!!").decode()

# Credential type -> its data, and the texts that may appear nowhere. `{server}` is the echoing server's address.
HTTP_TYPES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "bearer": ({"token": CANARY}, [CANARY]),
    "basic": ({"username": "robot", "password": CANARY}, [CANARY]),
    "header": ({"name": "X-Key", "value": CANARY}, [CANARY]),
    "query": ({"name": "key", "value": CANARY}, [CANARY]),
    "generic": ({"headers": {"X-One": CANARY}, "query": {"two": TOKEN}}, [CANARY, TOKEN]),
    "aws": ({"access_key_id": "AKIACANARY", "secret_access_key": CANARY, "session_token": TOKEN, "region": "eu-west-1"}, [CANARY, TOKEN]),
    "twilio": ({"account_sid": "AC0123456789", "auth_token": CANARY, "api_url": "{server}"}, [CANARY]),
    "slack_bot": ({"token": CANARY, "api_url": "{server}"}, [CANARY]),
    "discord_bot": ({"token": CANARY, "api_url": "{server}"}, [CANARY]),
    "oauth2_client_credentials": ({"token_url": "{server}/token", "client_id": "robot", "client_secret": CANARY}, [CANARY, TOKEN]),
}
# Types that authenticate HTTP requests and are covered elsewhere: a user's consent, by the tests of OAuth.
ELSEWHERE = {"oauth2_authorization_code"}
ACTIONS = {"http.request", "webhook.send"}
# Actions of other kinds bring their own canary.
OTHER_ACTIONS = dict.fromkeys(("email.send", "sms.send", "push.send", "slack.send", "discord.send", "teams.send"), "tests/integration/messages/test_canary.py") | dict.fromkeys(
    ("llm.prompt", "postgres.query", "s3.get", "s3.put", "sqs.send", "sns.publish", "lambda.invoke", "events.put", "stepfunctions.start"),
    "tests/integration/data/test_canary.py",
)


def test_every_http_type_and_every_action_that_takes_a_credential_has_its_canary():
    assert {name for name, spec in credential_types().items() if spec.apply is not None} == set(HTTP_TYPES) | ELSEWHERE
    takes = {name for name in catalogue().types() if f'"format": "{CREDENTIAL}"' in json.dumps(catalogue().get(name).config_schema())}  # type: ignore[union-attr]
    assert takes == ACTIONS | set(OTHER_ACTIONS)


def echo_of(request: Request) -> str:
    """All that came in, plain and encoded in many ways."""
    raw = request.line + "\n" + json.dumps(request.headers) + "\n" + request.body.decode("utf-8", "replace")
    values = [*request.headers.values(), request.line]
    values += [base64.b64decode(value[6:]).decode() for value in values if value.startswith("Basic ")]
    forms = [raw, quote(raw), raw.encode().hex(), *(base64.b64encode(b"x" * n + value.encode()).decode() for value in values for n in range(3))]
    forms += [value.encode().hex().upper() for value in values] + [quote(value, safe="") for value in values]
    return json.dumps({"echo": forms, **{f"h {value}": value for value in values}})


def in_json(request: Request) -> bytes:
    return answer(echo_of(request).encode(), "200 OK", "Content-Type: application/json")


def in_text_and_headers(request: Request) -> bytes:
    said = request.headers.get("authorization") or request.headers.get("x-key") or request.path
    return answer(echo_of(request).encode(), "200 OK", "Content-Type: text/plain", f"X-Echo: {said}", f"Set-Cookie: a={quote(said, safe='')}")


def in_bytes(request: Request) -> bytes:
    return answer(b"\xff" + echo_of(request).encode(), "200 OK", "Content-Type: application/octet-stream")


def in_an_error(request: Request) -> bytes:
    said = request.headers.get("authorization") or request.headers.get("x-key") or request.path
    return answer(f"cannot serve {said} {request.line}".encode() + echo_of(request).encode(), "500 Internal Server Error")


def in_a_redirect(request: Request) -> bytes:
    return answer(b"", "302 Found", f"Location: http://10.0.0.1/{quote(request.line + json.dumps(request.headers), safe='')}")


def in_broken_http(request: Request) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + (request.headers.get("authorization") or request.path).encode() + b"\r\n\r\n"


WAYS: list[Callable[[Request], bytes]] = [in_json, in_text_and_headers, in_bytes, in_an_error, in_a_redirect, in_broken_http]


class Places:
    """Everywhere a secret could have got to."""

    def __init__(self, api: ApiClient, database_url: str, redis_url: str) -> None:
        self.api, self.database_url, self.redis_url = api, database_url, redis_url
        self.seen: list[tuple[str, str]] = []

    def look(self, execution_id: str, workflow_id: str) -> None:
        """Collect the texts of now."""
        self.seen += database_text(self.database_url)
        self.seen.append(("redis", redis_text(self.redis_url)))
        paths = (
            f"/executions/{execution_id}", f"/executions/{execution_id}/events", "/executions", f"/workflows/{workflow_id}", f"/workflows/{workflow_id}/export",
            "/credentials", "/credentials/the-canary", "/audit", "/health",
        )  # fmt: skip
        self.seen += [(path, self.api.get(path).body.decode()) for path in paths]

    def require_clean(self, secrets: list[str]) -> None:
        """Fail for every trace that is found."""
        leaks = [(place, form) for place, text in self.seen for secret in secrets for form in found_in(text, secret)]
        assert leaks == []


@pytest.fixture
def places(api, database_url, redis_url) -> Places:
    return Places(api, database_url, redis_url)


def test_the_canary_is_noticed_where_it_is_not_removed():
    """The test of the test: every encoding the echo uses is one that is looked for."""
    echoed = echo_of(Request("GET /x HTTP/1.1", {"authorization": f"Bearer {CANARY}"}, b""))
    assert {CANARY.encode().hex().upper(), quote(CANARY, safe="")} <= set(found_in(echoed, CANARY))
    assert len(found_in(echoed, CANARY)) >= 5
    assert len(traces(CANARY)) >= 8


def sealed(api: ApiClient, type: str, data: dict[str, Any]) -> None:
    answered = api.post("/credentials", {"name": "The canary", "type": type, "data": data})
    assert answered.status == 201, answered.body


def run_and_look(api: ApiClient, places: Places, node: dict[str, Any]) -> dict[str, Any]:
    """Run the node, hand its output and error on, and wait; look while the execution is parked and after its end."""
    body = definition(
        {**node, "id": "call", "retry": {"max_attempts": 2, "initial_seconds": 0.05}, "on_error": "branch"},
        {"id": "on", "type": "transform", "join": "any", "config": {"assign": {"got": "nodes.call"}}},
        {"id": "wait", "type": "wait.callback", "config": {"timeout_seconds": 600}},
        edges=[("call", "main", "on"), ("call", "error", "on"), ("on", "wait")],
    )
    workflow = api.published(body)
    execution_id = api.post(f"/workflows/{workflow['id']}/executions", {"input": {}}).json["id"]
    end = time.monotonic() + 60
    while (execution := api.get(f"/executions/{execution_id}").json)["status"] != "waiting" and time.monotonic() < end:
        time.sleep(0.03)
    assert execution["status"] == "waiting", execution
    while not any(run["node_id"] == "wait" for run in api.get(f"/executions/{execution_id}").json["nodes"]) and time.monotonic() < end:
        time.sleep(0.03)
    places.look(execution_id, workflow["id"])
    api.post(f"/executions/{execution_id}/cancel")
    ended = until_ended(api, execution_id)
    places.look(execution_id, workflow["id"])
    return ended


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("type", list(HTTP_TYPES))
def test_http_request(api, places, caplog, capfd, type, way):
    caplog.set_level(logging.DEBUG)

    def reply(request: Request) -> bytes:
        if request.path == "/token":
            return answer(json.dumps({"access_token": TOKEN, "expires_in": 3600, "echo": echo_of(request)}).encode())
        return way(request)

    data, secrets = HTTP_TYPES[type]
    with serving(reply) as server:
        sealed(api, type, json.loads(json.dumps(data).replace("{server}", server.url(""))))
        config = {"url": server.url("/api"), "auth": {"credential": "the-canary"}, "headers": {"X-Note": "plain"}}
        ended = run_and_look(api, places, {"type": "http.request", "config": config})
        sent = json.dumps([[request.line, request.headers] for request in server.requests])
        assert type == "aws" or any(found_in(sent, secret) for secret in secrets)
        tested = api.post("/credentials/the-canary/test", {"url": server.url("/api")})
    call = next(run for run in ended["nodes"] if run["node_id"] == "call")
    if way in (in_json, in_text_and_headers, in_bytes):
        assert call["status"] == "succeeded"
        said = call["output"]["body"]
        shown = base64.b64decode(said["base64"]).decode("latin-1") if way is in_bytes else json.dumps(said)
        assert type == "aws" or "[redacted]" in shown
    else:
        assert call["status"] == "failed"
    out, err = capfd.readouterr()
    places.seen += [("test button", tested.body.decode()), ("log", caplog.text), ("stdout", out), ("stderr", err)]
    places.require_clean(secrets)


@pytest.mark.parametrize("way", [in_json, in_an_error], ids=lambda way: way.__name__)
def test_webhook_send(api, places, caplog, capfd, way):
    caplog.set_level(logging.DEBUG)
    with serving(way) as server:
        sealed(api, "webhook_secret", {"secret": f"whsec_{KEY}"})
        run_and_look(api, places, {"type": "webhook.send", "config": {"url": server.url("/hook"), "payload": 1, "secret": {"credential": "the-canary"}}})
        assert server.requests[0].headers["webhook-signature"].startswith("v1,")
    out, err = capfd.readouterr()
    places.seen += [("log", caplog.text), ("stdout", out), ("stderr", err)]
    places.require_clean([KEY, base64.b64decode(KEY).decode()])


@pytest.mark.parametrize("way", [in_json, in_bytes, in_an_error], ids=lambda way: way.__name__)
def test_trying_an_action_tells_nothing_either(api, places, caplog, capfd, way):
    caplog.set_level(logging.DEBUG)
    with serving(way) as server:
        answered = api.post("/credentials", {"name": "The canary", "type": "bearer", "data": {"token": CANARY}, "hosts": [f"127.0.0.1:{server.port}"]})
        assert answered.status == 201
        config = {"url": server.url("/api"), "auth": {"credential": "the-canary"}}
        tried = api.post("/registry/actions/http.request/test", {"config": config})
        assert tried.json["status"] == ("failed" if way is in_an_error else "succeeded"), tried.json
        assert found_in(json.dumps([request.headers for request in server.requests]), CANARY)
    with serving(way) as elsewhere:
        denied = api.post("/registry/actions/http.request/test", {"config": {**config, "url": elsewhere.url()}})
        assert denied.json["error"]["code"] == "credential_host_denied"
        assert elsewhere.requests == []
    out, err = capfd.readouterr()
    places.seen += [("tried", tried.body.decode()), ("denied", denied.body.decode()), ("log", caplog.text), ("stdout", out), ("stderr", err)]
    places.require_clean([CANARY])


def test_an_unforeseen_exception_is_logged_without_the_secret(api, places, caplog, capfd, monkeypatch):
    from chalicelib.core.http import HttpClient

    async def explode(self, method, url, *, headers, **rest):
        raise RuntimeError(f"cannot send {dict(headers)}")

    monkeypatch.setattr(HttpClient, "call", explode)
    sealed(api, "bearer", {"token": CANARY})
    ended = run_and_look(api, places, {"type": "http.request", "config": {"url": "http://127.0.0.1:9/", "auth": {"credential": "the-canary"}}})
    assert next(run for run in ended["nodes"] if run["node_id"] == "call")["error"]["code"] == "internal_error"
    assert "RuntimeError" in caplog.text
    assert "[redacted]" in caplog.text
    out, err = capfd.readouterr()
    places.seen += [("log", caplog.text), ("stdout", out), ("stderr", err)]
    places.require_clean([CANARY])


@pytest.mark.kafka
def test_what_is_passed_on_to_kafka_holds_nothing(api, kafka_servers):
    import uuid

    from tests.support.kafka import topic_reader

    topic = f"canary-{uuid.uuid4().hex[:8]}"
    with serving(in_json) as server:
        sealed(api, "bearer", {"token": CANARY})
        body = definition(
            {"id": "call", "type": "http.request", "config": {"url": server.url(), "auth": {"credential": "the-canary"}}},
            {"id": "tell", "type": "kafka.publish", "config": {"topic": topic, "value": "{{ nodes.call.output }}"}},
            edges=[("call", "tell")],
        )
        workflow = api.published(body)
        ended = until_ended(api, api.post(f"/workflows/{workflow['id']}/executions", {}).json["id"])
    assert ended["status"] == "succeeded", ended
    told = json.dumps(topic_reader(kafka_servers, topic)(1))
    assert "[redacted]" in told
    assert found_in(told, CANARY) == []

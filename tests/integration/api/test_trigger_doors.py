"""Who may call a trigger and how often, calls held together, web pages, the deliveries log and test URLs, over the real front and database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core import config, egress
from chalicelib.core.db import transaction
from chalicelib.credentials.keys import _keyring
from chalicelib.triggers import delivery_notes, tokens
from chalicelib.triggers.doors import forget_door
from chalicelib.triggers.housekeeping import forget_old
from infra.host.master_key import rotate
from tests.support.api import ECHO, ApiClient, ApiResponse
from tests.support.issuer import issuer
from tests.support.workflows import Database

JSON = {"content_type": "application/json"}


def send(api: ApiClient, path: str, raw: bytes | None = None, method: str = "POST", **headers: str) -> ApiResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.as_key(None).request(method, f"/trigger/{path}", raw=raw, headers=named)


def made(api: ApiClient, definition: Any = None, **fields: Any) -> dict[str, Any]:
    return api.door(api.published(definition)["id"], **fields)


def log(api: ApiClient, trigger: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    return api.get(f"/triggers/{trigger['id']}/deliveries{query}").json["items"]


def executions(database: Database) -> int:
    return database.one("SELECT count(*) AS n FROM executions")["n"]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    tokens.forget_keys()
    egress.guard.cache_clear()
    delivery_notes._allowance.clear()


def test_github_deliveries_with_the_documentations_own_vector(api: ApiClient, database: Database) -> None:
    trigger = made(api, auth={"type": "github", "secret": "It's a Secret to Everybody"}, dedupe_key="trigger.headers['x-github-delivery']")
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"content_type": "text/plain", "x_hub_signature_256": signature, "x_github_delivery": "d1"}
    path = trigger["config"]["path"]
    first = send(api, path, b"Hello, World!", **headers)
    again = send(api, path, b"Hello, World!", **headers)
    assert (first.status, again.status, again.json["duplicate"]) == (202, 202, True)
    assert send(api, path, b"Hello, World?", **headers).status == 401
    assert "757107ea" not in str(database.execute("SELECT * FROM executions")) + str(database.execute("SELECT * FROM trigger_deliveries"))


def test_slack_is_greeted_and_signed_messages_do_not_come_twice(api: ApiClient, database: Database) -> None:
    path = made(api, auth={"type": "slack", "secret": "8f742231b10e8888abcd99yyyzzz85a5"})["config"]["path"]

    def signed(raw: bytes) -> dict[str, str]:
        at = str(int(time.time()))
        digest = hmac.new(b"8f742231b10e8888abcd99yyyzzz85a5", f"v0:{at}:".encode() + raw, hashlib.sha256).hexdigest()
        return {**JSON, "x_slack_request_timestamp": at, "x_slack_signature": f"v0={digest}"}

    hello = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()
    greeted = send(api, path, hello, **signed(hello))
    assert (greeted.status, greeted.body) == (200, b"3eZbrw1aB")
    assert send(api, path, hello, **JSON).status == 401
    assert executions(database) == 0
    headers = signed(b'{"n": 1}')
    first = send(api, path, b'{"n": 1}', **headers)
    assert (first.status, first.json["duplicate"]) == (202, False)
    again = send(api, path, b'{"n": 1}', **headers)
    assert (again.json["duplicate"], again.json["execution_id"]) == (True, first.json["execution_id"])
    caught = send(api, path, b'{"n": 1}', **headers, idempotency_key="mine")
    assert (caught.status, caught.code) == (409, "delivery_replayed")
    assert executions(database) == 1


def test_standard_webhooks_under_another_key_are_replays(api: ApiClient, database: Database) -> None:
    path = made(api, auth={"type": "standard_webhooks", "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="})["config"]["path"]
    at = str(int(time.time()))
    digest = base64.b64encode(hmac.digest(b"0123456789abcdef", f"m1.{at}.".encode() + b"{}", "sha256")).decode()
    headers = {**JSON, "webhook_id": "m1", "webhook_timestamp": at, "webhook_signature": f"v1,{digest}"}
    assert send(api, path, b"{}", **headers, idempotency_key="k").json["duplicate"] is False
    assert send(api, path, b"{}", **headers, idempotency_key="k").json["duplicate"] is True
    assert send(api, path, b"{}", **headers).code == "delivery_replayed"
    assert send(api, path, b"{}", **headers, idempotency_key="l").code == "delivery_replayed"
    assert executions(database) == 1


def test_basic_and_a_key_of_its_own(api: ApiClient) -> None:
    basic = made(api, auth={"type": "basic", "username": "me", "secret": "pass:wörd"})["config"]["path"]

    def credentials(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert send(api, basic, authorization=credentials("me:pass:wörd")).status == 202
    for wrong in (credentials("me:other"), credentials("you:pass:wörd"), credentials("me"), "Basic %%%", "Bearer x", ""):
        answer = send(api, basic, authorization=wrong)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
    own = made(api, auth={"type": "api_key", "header": "X-Token", "secret": "a-key-of-its-own"})["config"]["path"]
    assert send(api, own, x_token="a-key-of-its-own").status == 202  # noqa: S106
    assert send(api, own, x_token="another").status == 401  # noqa: S106
    assert send(api, own, authorization=f"Bearer {api.token}").status == 401
    bearer = made(api, auth={"type": "api_key", "header": "Authorization", "secret": "a-key-of-its-own"})["config"]["path"]
    assert send(api, bearer, authorization="Bearer a-key-of-its-own").status == 202


def test_tokens_of_an_issuer_and_its_outage(api: ApiClient, database: Database) -> None:
    with issuer() as provider:
        auth = {"type": "jwt", "jwks_url": provider.url, "issuer": "https://login.example", "audience": "orders"}
        trigger = made(api, auth=auth)
        path = trigger["config"]["path"]
        provider.status = 500
        broken = send(api, path, authorization=f"Bearer {provider.token()}")
        assert (broken.status, broken.code) == (503, "trigger_unhealthy")
        shown = api.get(f"/triggers/{trigger['id']}").json
        assert (shown["state"], "answered 500" in shown["reason"]) == ("unhealthy", True)
        provider.status = 200
        tokens.forget_keys()
        answer = send(api, path, authorization=f"Bearer {provider.token(sub='robot')}")
        assert answer.status == 202
        assert api.get(f"/triggers/{trigger['id']}").json["state"] == "active"
        changes = api.get(f"/triggers/{trigger['id']}/health").json["items"]
        assert [change["state"] for change in changes] == ["healthy", "unhealthy"]
        execution = api.get(f"/executions/{answer.json['execution_id']}").json
        assert execution["trigger"]["claims"]["sub"] == "robot"
        assert "authorization" not in execution["trigger"]["headers"]
        assert send(api, path, authorization=f"Bearer {provider.token(aud='others')}").status == 401
        assert send(api, path).status == 401


def test_secrets_are_sealed_and_survive_a_new_master_key(
    api: ApiClient, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLRACE_MASTER_KEY")
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path))
    config.settings.cache_clear()
    trigger = made(api, auth={"type": "basic", "username": "me", "secret": "a-canary-secret"})
    path = trigger["config"]["path"]
    allowed = {"authorization": "Basic " + base64.b64encode(b"me:a-canary-secret").decode()}
    assert "canary" not in database.one("SELECT config FROM triggers")["config"]
    assert send(api, path, **allowed).status == 202
    before = database.one("SELECT config FROM triggers")["config"]
    assert rotate(config.settings()) == 1
    assert database.one("SELECT config FROM triggers")["config"] != before
    forget_door(path)
    assert send(api, path, **allowed).status == 202
    (tmp_path / "master.keys").unlink()
    _keyring.cache_clear()
    forget_door(path)
    lost = send(api, path, **allowed)
    assert (lost.status, lost.code) == (503, "trigger_unhealthy")
    assert "MILLRACE_MASTER_KEY_PREVIOUS" in api.get(f"/triggers/{trigger['id']}").json["reason"]
    assert api.patch(f"/triggers/{trigger['id']}", {"enabled": False}).status == 200
    mended = api.patch(f"/triggers/{trigger['id']}", {"enabled": True, "config": {"auth": {"type": "basic", "username": "me", "secret": "a-canary-secret"}}})
    assert (mended.status, mended.json["state"]) == (200, "active")
    assert send(api, path, **allowed).status == 202


def test_private_addresses_are_not_asked_for_keys(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with issuer() as provider:
        monkeypatch.delenv("MILLRACE_EGRESS_ALLOW")
        config.settings.cache_clear()
        egress.guard.cache_clear()
        auth = {"type": "jwt", "jwks_url": provider.url, "issuer": "https://login.example", "audience": "orders"}
        trigger = made(api, auth=auth)
        assert send(api, trigger["config"]["path"], authorization=f"Bearer {provider.token()}").code == "trigger_unhealthy"
        assert "MILLRACE_EGRESS_ALLOW" in api.get(f"/triggers/{trigger['id']}").json["reason"]
    egress.guard.cache_clear()


def test_a_rate_limit_counts_for_all_processes_and_says_when_to_come_back(api: ApiClient, database: Database) -> None:
    trigger = made(api, rate_limit={"limit": 3, "per_seconds": 3600})
    path = trigger["config"]["path"]
    answers = [send(api, path) for _ in range(5)]
    assert [answer.status for answer in answers] == [202, 202, 202, 429, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers[:3]] == ["2", "1", "0"]
    assert answers[0].headers["ratelimit-limit"] == "3"
    assert answers[0].headers["ratelimit-policy"] == '"trigger";q=3;w=3600'
    refused = answers[3]
    assert (refused.code, refused.headers["ratelimit-remaining"]) == ("rate_limited", "0")
    assert 1100 <= int(refused.headers["retry-after"]) <= 1200
    assert executions(database) == 3
    assert [line["status"] for line in log(api, trigger)] == [429, 429, 202, 202, 202]
    api.patch(f"/triggers/{trigger['id']}", {"config": {"rate_limit": {"limit": 10, "per_seconds": 3600}}})
    assert send(api, path).status == 202


def test_a_rate_limit_holds_under_concurrency(api: ApiClient, database: Database) -> None:
    path = made(api, rate_limit={"limit": 20, "per_seconds": 86_400})["config"]["path"]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: send(api, path).status, range(60)))
    assert (answers.count(202), answers.count(429)) == (20, 40)
    assert executions(database) == 20


def test_strangers_do_not_use_up_the_limit(api: ApiClient) -> None:
    path = made(api, auth={"type": "basic", "username": "me", "secret": "password"}, rate_limit={"limit": 1})["config"]["path"]
    assert [send(api, path).status for _ in range(5)] == [401] * 5
    assert send(api, path, authorization="Basic " + base64.b64encode(b"me:password").decode()).status == 202


def test_fifty_duplicates_at_once_are_one_execution(api: ApiClient, database: Database) -> None:
    path = made(api)["config"]["path"]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: send(api, path, b'{"a":1}', **JSON, idempotency_key="one"), range(50)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["execution_id"] for answer in answers}) == 1
    assert [answer.json["duplicate"] for answer in answers].count(False) == 1
    assert executions(database) == 1


def test_debounced_calls_are_one_execution_with_the_last_input(api: ApiClient, database: Database) -> None:
    trigger = made(api, debounce={"seconds": 600, "key": "input.customer"})
    path = trigger["config"]["path"]
    answers = [send(api, path, json.dumps({"customer": "a", "n": n}).encode(), **JSON) for n in range(3)]
    other = send(api, path, b'{"customer": "b", "n": 9}', **JSON)
    assert [answer.status for answer in answers] == [202] * 3
    assert len({answer.json["execution_id"] for answer in answers}) == 1
    assert all(answer.json["debounced"] and not answer.json["duplicate"] for answer in answers)
    assert other.json["execution_id"] != answers[0].json["execution_id"]
    held = api.get(f"/executions/{answers[0].json['execution_id']}").json
    assert held["input"] == {"customer": "a", "n": 2}
    wake = database.one("SELECT wake_at > now() + interval '500 seconds' AS later FROM wakes WHERE execution_id = %(id)s", id=held["id"])
    assert wake["later"]
    assert [line["outcome"] for line in log(api, trigger)] == ["started", "debounced", "debounced", "started"]
    database.execute("UPDATE wakes SET lease_epoch = 1, wake_at = now() WHERE execution_id = %(id)s", {"id": held["id"]})  # a worker has it
    late = send(api, path, b'{"customer": "a", "n": 3}', **JSON)
    assert late.json["execution_id"] != held["id"]
    assert api.get(f"/executions/{held['id']}").json["input"]["n"] == 2


def test_debounced_calls_run_with_what_is_live_and_once_per_key(api: ApiClient, database: Database) -> None:
    workflow = api.published()
    trigger = api.door(workflow["id"], debounce={"seconds": 600, "max_seconds": 700})
    path = trigger["config"]["path"]
    first = send(api, path, b'{"n": 1}', **JSON, idempotency_key="k1")
    api.post(f"/workflows/{workflow['id']}/publish")
    second = send(api, path, b'{"n": 2}', **JSON, idempotency_key="k2")
    assert second.json["execution_id"] == first.json["execution_id"]
    again = send(api, path, b'{"n": 1}', **JSON, idempotency_key="k1")
    assert again.json["duplicate"] is True
    shown = api.get(f"/executions/{first.json['execution_id']}").json
    assert (shown["version"], shown["input"]) == (2, {"n": 2})
    database.execute("UPDATE trigger_debounces SET first_at = now() - interval '650 seconds'")
    send(api, path, b'{"n": 3}', **JSON)
    due = database.one("SELECT wake_at < now() + interval '60 seconds' AS soon FROM wakes")
    assert due["soon"]


def test_concurrent_debounced_calls_lose_nothing(api: ApiClient, database: Database) -> None:
    path = made(api, debounce={"seconds": 600})["config"]["path"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: send(api, path, json.dumps({"n": n}).encode(), **JSON), range(40)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["execution_id"] for answer in answers}) == 1
    assert executions(database) == 1


def test_a_debounced_execution_runs_when_calls_stop(api: ApiClient, worker: None) -> None:
    path = made(api, debounce={"seconds": 1})["config"]["path"]
    send(api, path, b'{"n": 1}', **JSON)
    answer = send(api, path + "?wait=20", b'{"n": 2}', **JSON)
    assert (answer.status, answer.json) == (200, {"n": 2})


def test_a_trigger_may_wait_by_itself(api: ApiClient, worker: None) -> None:
    answer = send(api, made(api, wait_seconds=20)["config"]["path"], b'{"n": 1}', **JSON)
    assert (answer.status, answer.json) == (200, {"n": 1})


def test_web_pages_may_call_where_the_trigger_says_so(api: ApiClient) -> None:
    trigger = made(api, cors={"origins": ["https://Shop.example/"], "headers": ["X-Shop"], "max_age_seconds": 5})
    path = trigger["config"]["path"]
    ask = {"origin": "https://shop.example", "access_control_request_method": "POST"}
    preflight = send(api, path, method="OPTIONS", **ask)
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "https://shop.example")
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert "x-shop" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["access-control-max-age"] == "5"
    answer = send(api, path, origin="https://shop.example")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Millrace-Execution-Id" in answer.headers["access-control-expose-headers"]
    for origin in ("https://evil.example", "https://shop.example.evil.example", "null"):
        assert "access-control-allow-origin" not in send(api, path, method="OPTIONS", **(ask | {"origin": origin})).headers
        assert "access-control-allow-origin" not in send(api, path, origin=origin).headers
    assert "access-control-allow-origin" not in send(api, made(api)["config"]["path"], method="OPTIONS", **ask).headers
    api.patch(f"/triggers/{trigger['id']}", {"config": {"cors": {"origins": ["*"]}}})
    assert send(api, path, method="OPTIONS", **(ask | {"origin": "https://any.example"})).headers["access-control-allow-origin"]
    wrong = api.patch(f"/triggers/{trigger['id']}", {"config": {"cors": {"origins": ["shop.example/path"]}}})
    assert wrong.json["errors"][0]["path"] == "/config/cors/origins"


SCHEMA = {**ECHO, "input_schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}


def test_the_log_says_what_came_in_and_what_became_of_it(api: ApiClient, database: Database) -> None:
    trigger = made(api, SCHEMA)
    path, at = trigger["config"]["path"], f"/triggers/{trigger['id']}"
    good = send(api, path + "?q=1", b'{"n": 1}', **JSON, x_kind="a", authorization="Bearer canary", idempotency_key="k")
    for body, how in ((b'{"n": 1}', {"idempotency_key": "k"}), (b'{"n": "x"}', {}), (b"{", {})):
        time.sleep(0.002)  # lines are in the order of their ids, which is that of milliseconds
        send(api, path + "?q=1" if how else path, body, **JSON, **how)
    time.sleep(0.002)
    send(api, path, method="GET")
    lines = log(api, trigger)
    assert [(line["outcome"], line["status"], line["code"]) for line in lines] == [
        ("refused", 405, "method_not_allowed"),
        ("refused", 400, "invalid_json"),
        ("refused", 422, "validation_failed"),
        ("duplicate", 202, None),
        ("started", 202, None),
    ]
    assert [line["replayable"] for line in lines] == [False, True, True, True, True]
    assert lines[-1]["execution_id"] == good.json["execution_id"]
    assert [line["id"] for line in log(api, trigger, "?outcome=refused")] == [line["id"] for line in lines[:3]]
    first = api.get(at + "/deliveries?limit=2").json
    assert [line["id"] for line in api.get(f"{at}/deliveries?limit=2&cursor={first['next_cursor']}").json["items"]] == [lines[2]["id"], lines[3]["id"]]
    read = api.get(f"{at}/deliveries/{lines[-1]['id']}").json["request"]
    assert (read["method"], read["query"], read["body"], read["headers"]["x-kind"]) == ("POST", {"q": "1"}, {"n": 1}, "a")
    assert api.get(f"{at}/deliveries/{lines[1]['id']}").json["request"]["body"]["base64"] == base64.b64encode(b"{").decode()
    assert "canary" not in str(database.execute("SELECT * FROM trigger_deliveries"))
    assert api.get(f"{at}/deliveries/dlv_00000000000000000000000000").status == 404
    schedule = api.post("/triggers", {"workflow_id": trigger["workflow_id"], "type": "schedule", "config": {"every_seconds": 60}}).json
    assert api.get(f"/triggers/{schedule['id']}/deliveries").code == "not_an_api_trigger"
    with transaction() as connection:
        assert forget_old(connection, 100) == 0
    database.execute("UPDATE trigger_deliveries SET received_at = now() - interval '8 days'")
    with transaction() as connection:
        assert forget_old(connection, 3) == 3


def test_any_delivery_can_be_replayed_once_what_stopped_it_is_mended(api: ApiClient) -> None:
    workflow = api.workflow(SCHEMA)
    trigger = api.door(workflow["id"])
    path, at = trigger["config"]["path"], f"/triggers/{trigger['id']}/deliveries"
    assert send(api, path, b'{"n": 5}', **JSON).code == "workflow_not_published"
    (line,) = log(api, trigger)
    assert api.post(f"{at}/{line['id']}/replay").code == "workflow_not_published"
    api.post(f"/workflows/{workflow['id']}/publish")
    replayed = api.post(f"{at}/{line['id']}/replay")
    assert (replayed.status, replayed.headers["millrace-execution-id"]) == (202, replayed.json["execution_id"])
    assert api.get(f"/executions/{replayed.json['execution_id']}").json["input"] == {"n": 5}
    assert log(api, trigger)[0]["replay_of"] == line["id"]
    api.patch(f"/triggers/{trigger['id']}", {"input": {"n": "{{ input.n * 2 }}"}})
    again = api.post(f"{at}/{log(api, trigger)[0]['id']}/replay")
    assert api.get(f"/executions/{again.json['execution_id']}").json["input"] == {"n": 10}
    mapped = send(api, path, b'{"n": 7}', **JSON)
    assert api.get(f"/executions/{mapped.json['execution_id']}").json["input"] == {"n": 14}
    newest = log(api, trigger)[0]["id"]
    assert api.get(f"{at}/{newest}").json["request"]["body"] == {"n": 7}
    third = api.post(f"{at}/{newest}/replay")
    assert api.get(f"/executions/{third.json['execution_id']}").json["input"] == {"n": 14}
    send(api, path, b'{"n": "x"}', **JSON)
    assert api.post(f"{at}/{log(api, trigger)[0]['id']}/replay").status == 422
    viewer = api.post("/api-keys", {"name": "v", "role": "viewer"}).json["key"]
    assert api.as_key(viewer).post(f"{at}/{newest}/replay").status == 403


def test_of_strangers_no_body_is_kept(api: ApiClient, database: Database) -> None:
    trigger = made(api, auth={"type": "basic", "username": "me", "secret": "password"})
    send(api, trigger["config"]["path"], b'{"canary": 1}', **JSON)
    (line,) = log(api, trigger)
    assert (line["status"], line["replayable"], line["body_bytes"]) == (401, False, 13)
    assert api.post(f"/triggers/{trigger['id']}/deliveries/{line['id']}/replay").code == "not_replayable"
    assert database.one("SELECT request FROM trigger_deliveries")["request"] is None


def test_a_flood_of_refusals_does_not_fill_the_log(api: ApiClient) -> None:
    trigger = made(api)
    for _ in range(120):
        send(api, trigger["config"]["path"], b"{", **JSON)
    assert len(log(api, trigger, "?limit=200")) < 110


def test_a_test_url_catches_one_request_and_runs_the_draft(api: ApiClient, worker: None) -> None:
    workflow = api.workflow(SCHEMA)
    trigger = api.door(workflow["id"], input={"n": "{{ input.a + 1 }}"}, auth={"type": "basic", "username": "me", "secret": "password"}, enabled=False)
    at = f"/triggers/{trigger['id']}/test"
    assert api.get(at).status == 404
    opened = api.post(at)
    assert (opened.status, opened.json["state"]) == (201, "listening")
    assert "url" not in api.get(at).json
    path = opened.json["url"].split("/api/trigger/")[1]
    allowed = {**JSON, "authorization": "Basic " + base64.b64encode(b"me:password").decode()}
    assert send(api, path, b'{"a": 1}', **JSON).status == 401
    assert "password" in api.get(at).json["problem"]
    answer = send(api, path + "?wait=20", b'{"a": 1}', **allowed)
    assert (answer.status, answer.json) == (200, {"n": 2})
    shown = api.get(at).json
    assert (shown["state"], shown["captured"]["body"], shown["captured"]["input"]) == ("captured", {"a": 1}, {"n": 2})
    assert "authorization" not in shown["captured"]["trigger"]["headers"]
    execution = api.get(f"/executions/{shown['execution_id']}").json
    assert (execution["version"], execution["trigger"]["type"]) == ("draft", "api")
    used = send(api, path, b'{"a": 1}', **allowed)
    assert (used.status, used.code) == (409, "test_url_used")
    assert send(api, path[:-3] + "abc", b"{}", **allowed).status == 404


def test_a_test_url_may_only_look(api: ApiClient, database: Database) -> None:
    trigger = made(api, SCHEMA)
    at = f"/triggers/{trigger['id']}/test"
    path = api.post(at, {"run": False}).json["url"].split("/api/trigger/")[1]
    answer = send(api, path, b'{"n": "wrong"}', **JSON)
    assert (answer.status, answer.json["input"]) == (200, {"n": "wrong"})
    assert executions(database) == 0
    path = api.post(at).json["url"].split("/api/trigger/")[1]
    assert send(api, path, b'{"n": "wrong"}', **JSON).status == 422
    assert api.get(at).json["state"] == "captured"
    assert "/n" in api.get(at).json["problem"]
    path = api.post(at).json["url"].split("/api/trigger/")[1]
    database.execute("UPDATE trigger_tests SET expires_at = now() - interval '1 second'")
    assert send(api, path, b"{}", **JSON).status == 404
    assert api.get(at).json["state"] == "expired"

"""/trigger/{path}: bodies, callers, dedupe, answers that wait."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from chalicelib.triggers import batching, doors, ingress, tokens
from chalicelib.triggers.giving_way import LONGEST_SECONDS, use_pause
from tests.support.api import ECHO, ApiClient, ApiResponse
from tests.support.issuer import issuer
from tests.support.workflows import Database

JSON = {"content-type": "application/json"}


def send(api: ApiClient, path: str, raw: bytes | None = None, method: str = "POST", **headers: str) -> ApiResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.as_key(None).request(method, f"/trigger/{path}", raw=raw, headers=named)


def door(api: ApiClient, **config: Any) -> str:
    return api.door(api.published()["id"], **config)["config"]["path"]


def stored(api: ApiClient, answer: ApiResponse) -> Any:
    assert answer.status == 202, answer.body
    return api.get(f"/executions/{answer.json['execution_id']}").json


def test_an_accepted_delivery_is_an_execution(api: ApiClient, database: Database) -> None:
    path = door(api)
    answer = send(api, path + "?a=1&b=2&b=3", b'{"total": 21}', Content_Type="application/json", X_Kind="test")
    execution = stored(api, answer)
    assert answer.json == {
        "execution_id": execution["id"],
        "status": "queued",
        "duplicate": False,
        "ui_url": f"http://127.0.0.1:8080/#/executions/{execution['id']}",
    }
    assert answer.headers["millrace-execution-id"] == execution["id"]
    assert execution["input"] == {"total": 21}
    trigger = execution["trigger"]
    assert (trigger["type"], trigger["method"], trigger["path"]) == ("api", "POST", path)
    assert trigger["query"] == {"a": "1", "b": ["2", "3"]}
    assert trigger["headers"]["x-kind"] == "test"
    assert database.one("SELECT count(*) AS n FROM wakes")["n"] == 1
    assert api.get(f"/triggers/{trigger['id']}").json["last_fired_at"] is not None


MULTIPART = (
    b'--XyZ\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n--XyZ\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n'
    b'Content-Type: application/x-thing\r\n\r\n\r\n\x00\xff\r\n--XyZ\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xa9\r\n--XyZ--\r\n'
)


@pytest.mark.parametrize(
    ("content_type", "raw", "expected"),
    [
        ("application/json", b'{"n": 9007199254740993}', {"n": 9007199254740993}),
        ("application/json", b'[1, "\\u0000", "\\ud800", null]', [1, "\x00", "\ud800", None]),
        ("application/vnd.github+json; charset=utf-8", b'{"\xc3\xa9": 1.5}', {"é": 1.5}),
        ("application/json; charset=utf-16", '{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        ("application/json", b"", {}),
        (None, None, {}),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y&a=%C3%A9&empty=", {"a": ["1", "é"], "b": "x y", "empty": ""}),
        (
            "multipart/form-data; boundary=XyZ",
            MULTIPART,
            {"a": ["one", "é"], "f": {"filename": "x.bin", "content_type": "application/x-thing", "base64": base64.b64encode(b"\r\n\x00\xff").decode()}},
        ),
        ("text/plain", "grüß\x00".encode(), "grüß\x00"),
        ("text/csv; charset=iso-8859-1", b"gr\xfc\xdf", "grüß"),
        ("application/octet-stream", b"\x00\xff\xfe", {"content_type": "application/octet-stream", "base64": "AP/+"}),
        ("image/png", b"\x89PNG", {"content_type": "image/png", "base64": "iVBORw=="}),
        (None, b"abc", {"content_type": "application/octet-stream", "base64": "YWJj"}),
    ],
)  # fmt: skip
def test_bodies(api: ApiClient, content_type: str | None, raw: bytes | None, expected: Any) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    assert stored(api, send(api, door(api), raw, **headers))["input"] == expected


@pytest.mark.parametrize(
    ("content_type", "raw", "status", "code"),
    [
        ("application/json", b"{", 400, "invalid_json"),
        ("application/json", b"\xff\xfe", 400, "invalid_json"),
        ("application/json", b'{"a": NaN}', 400, "invalid_json"),
        ("application/json", b"[" * 5000 + b"]" * 5000, 422, "validation_failed"),
        ("application/json", b"[1e999]", 422, "validation_failed"),
        ("application/json", b"[123456789012345678901234567890]", 422, "validation_failed"),
        ("application/json; charset=klingon", b"{}", 415, "unsupported_media_type"),
        ("application/json", b'"' + b"a" * 1_200_000 + b'"', 413, "payload_too_large"),
        ("text/plain", b"\xff\xfe\xff", 400, "invalid_text"),
        ("text/plain; charset=zip", b"abc", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", b"a=%ff", 400, "invalid_form"),
        ("application/x-www-form-urlencoded", b"\xff=1", 400, "invalid_form"),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(20_000)), 400, "invalid_form"),
        ("multipart/form-data", b"abc", 400, "invalid_form"),
        ("multipart/form-data; boundary=X", b"--X\r\n\r\n", 400, "invalid_form"),
        ("multipart/form-data; boundary=X", b"--X\r\nno headers\r\n--X--", 400, "invalid_form"),
    ],
)
def test_bodies_that_cannot_be_kept_are_refused(
    api: ApiClient, database: Database, content_type: str, raw: bytes, status: int, code: str
) -> None:
    answer = send(api, door(api), raw, Content_Type=content_type)
    assert (answer.status, answer.code) == (status, code)
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 0


def test_a_body_of_exactly_one_megabyte_is_taken(api: ApiClient) -> None:
    path = door(api)
    assert send(api, path, b"a" * (1024 * 1024), Content_Type="text/plain").status == 202
    assert send(api, path, b"a" * (1024 * 1024 + 1), Content_Type="text/plain").status == 413
    assert send(api, path, b"\x1f\x8b", Content_Type="application/json", Content_Encoding="gzip").status == 415


def test_methods_and_unknown_paths(api: ApiClient) -> None:
    path = door(api, methods=["GET", "put"])
    for method, status in (("GET", 202), ("PUT", 202), ("POST", 405), ("DELETE", 405), ("HEAD", 405), ("PATCH", 405)):
        answer = send(api, path, method=method)
        assert answer.status == status
        if status == 405:
            assert answer.headers["allow"] == "GET, PUT"
    for unknown in ("nothing", "Nothing", "a\x00b", "é", "x" * 10_000, "-", ".."):
        answer = send(api, unknown)
        assert (answer.status, answer.code) == (404, "not_found")
    assert send(api, path + "/more").status == 404


def test_what_identifies_or_signs_is_never_stored(api: ApiClient, database: Database) -> None:
    path = door(api, auth={"type": "hmac", "header": "x-custom-proof", "secret": "a-good-secret"})
    proof = hmac.new(b"a-good-secret", b"{}", hashlib.sha256).hexdigest()
    hidden = {
        "Authorization": "Bearer canary-1", "Cookie": "canary-2", "X_API_Key": "canary-3", "X_Hub_Signature": "canary-4", "X_Gitlab_Token": "canary-5",
        "Stripe_Signature": "canary-6", "X_Amz_Security_Token": "canary-7", "Proxy_Authorization": "canary-8", "X_Auth_Token": "canary-9",
        "X_Custom_Proof": proof,
    }  # fmt: skip
    answer = send(api, path, b"{}", Content_Type="application/json", X_Author="kept", **hidden)
    assert stored(api, answer)["trigger"]["headers"]["x-author"] == "kept"
    row = database.one("SELECT * FROM executions")
    assert "canary" not in str(row)
    assert proof not in str(row)


def test_a_trigger_with_api_key_auth_takes_keys_of_its_workspace(api: ApiClient, database: Database) -> None:
    path = door(api, auth={"type": "api_key"})
    key = api.post("/api-keys", {"name": "k", "role": "operator"}).json["key"]
    viewer = api.post("/api-keys", {"name": "v", "role": "viewer"}).json["key"]
    assert send(api, path).status == 401
    assert send(api, path, X_API_Key="wrong").status == 401
    assert send(api, path, Authorization=f"Bearer {viewer}").status == 403
    assert send(api, path, Authorization=f"Bearer {key}").status == 202
    assert send(api, path, X_API_Key=key).status == 202
    database.execute("INSERT INTO workspaces (id, slug, name) VALUES ('ws_00000000000000000000000001', 'other', 'Other')")
    other = api.post("/api-keys", {"name": "o", "role": "admin"}).json
    database.execute("UPDATE api_keys SET workspace_id = 'ws_00000000000000000000000001' WHERE id = %(id)s", {"id": other["id"]})
    assert send(api, path, X_API_Key=other["key"]).status == 401


def test_hmac_is_over_the_raw_bytes_with_either_secret(api: ApiClient) -> None:
    path = door(api, auth={"type": "hmac", "secret": "new-secret", "previous_secret": "old-secret"})
    raw = b'{ "a":1.0 }\n'
    for secret in (b"new-secret", b"old-secret"):
        digest = hmac.new(secret, raw, hashlib.sha256).hexdigest()
        for offered in (digest, f"sha256={digest}", digest.upper()):
            assert send(api, path, raw, Content_Type="application/json", X_Millrace_Signature=offered).status == 202
        assert send(api, path, b'{"a":1.0}', Content_Type="application/json", X_Millrace_Signature=digest).status == 401
    for wrong in ("", "0" * 64, "sha256=", "é"):
        answer = send(api, path, raw, Content_Type="application/json", X_Millrace_Signature=wrong)
        assert (answer.status, answer.code) == (401, "unauthenticated")


def test_standard_webhooks(api: ApiClient) -> None:
    key = b"0123456789abcdef01234567"
    path = door(api, auth={"type": "standard_webhooks", "secret": "whsec_" + base64.b64encode(key).decode()})

    def signed(raw: bytes, message_id: str = "msg_1", at: float | None = None, key: bytes = key) -> dict[str, str]:
        sent_at = str(int(time.time() if at is None else at))
        digest = base64.b64encode(hmac.digest(key, f"{message_id}.{sent_at}.".encode() + raw, "sha256")).decode()
        return {"Webhook_Id": message_id, "Webhook_Timestamp": sent_at, "Webhook_Signature": f"v1,AAAA v1,{digest}"}

    first = send(api, path, b'{"a":1}', Content_Type="application/json", **signed(b'{"a":1}'))
    assert first.status == 202
    again = send(api, path, b'{"a":1}', Content_Type="application/json", **signed(b'{"a":1}'))
    assert again.json["duplicate"] is True
    assert again.json["execution_id"] == first.json["execution_id"]
    for wrong in (
        signed(b'{"a":2}', "msg_2"),
        signed(b'{"a":1}', "msg_2", at=time.time() - 330),
        signed(b'{"a":1}', "msg_2", at=time.time() + 330),
        signed(b'{"a":1}', "msg_2", key=b"other"),
        {**signed(b'{"a":1}', "msg_2"), "Webhook_Id": "msg_3"},
        {**signed(b'{"a":1}', "msg_2"), "Webhook_Timestamp": "soon"},
        {},
    ):
        assert send(api, path, b'{"a":1}', Content_Type="application/json", **wrong).status == 401
    assert send(api, path, b'{"a":1}', Content_Type="application/json", **signed(b'{"a":1}', "msg_2")).json["duplicate"] is False


def test_the_same_key_and_body_are_one_execution(api: ApiClient, database: Database) -> None:
    path = door(api)
    first = send(api, path, b'{"a":1}', Content_Type="application/json", Idempotency_Key="k")
    again = send(api, path + "?wait=1", b'{"a":1}', Content_Type="application/json", Idempotency_Key="k")
    assert again.json == {**first.json, "duplicate": True}
    assert again.headers["millrace-execution-id"] == first.json["execution_id"]
    other = send(api, path, b'{"a":2}', Content_Type="application/json", Idempotency_Key="k")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert other.headers["millrace-execution-id"] == first.json["execution_id"]
    assert send(api, door(api), b'{"a":1}', Content_Type="application/json", Idempotency_Key="k").json["duplicate"] is False
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 2


def test_a_duplicate_outlives_history_and_says_the_present_status(api: ApiClient, worker: None) -> None:
    path = door(api)
    first = send(api, path + "?wait=10", b"{}", Content_Type="application/json", Idempotency_Key="k")
    assert first.status == 200
    again = send(api, path, b"{}", Content_Type="application/json", Idempotency_Key="k")
    assert (again.status, again.json["duplicate"], again.json["status"]) == (202, True, "succeeded")
    assert again.json["execution_id"] == first.headers["millrace-execution-id"]


def test_keys_come_from_header_webhook_id_or_expression_in_that_order(api: ApiClient) -> None:
    path = door(api, dedupe_key="trigger.headers['x-delivery']")

    def execution(**headers: str) -> str:
        answer = send(api, path, b"{}", Content_Type="application/json", **headers)
        assert answer.status == 202, answer.body
        return answer.json["execution_id"]

    by_expression = execution(X_Delivery="d1")
    assert execution(X_Delivery="d1") == by_expression
    by_id = execution(X_Delivery="d1", Webhook_Id="w1")
    assert by_id != by_expression
    assert execution(X_Delivery="d2", Webhook_Id="w1") == by_id
    by_header = execution(X_Delivery="d1", Webhook_Id="w1", Idempotency_Key="w1")
    assert by_header not in (by_id, by_expression)
    missing = send(api, path, b"{}", Content_Type="application/json")
    assert (missing.status, missing.code) == (422, "expression_error")
    assert execution(X_Delivery="x" * 5000) == execution(X_Delivery="x" * 5000)
    assert send(api, path, b"{}", Idempotency_Key="x" * 256).status == 422


def test_many_at_once_with_one_key_start_one(api: ApiClient, database: Database) -> None:
    path = door(api)
    with ThreadPoolExecutor(24) as pool:
        same = list(pool.map(lambda _: send(api, path, b"{}", Content_Type="application/json", Idempotency_Key="one"), range(48)))
        different = list(
            pool.map(lambda n: send(api, path, b"{}", Content_Type="application/json", Idempotency_Key=f"k{n}"), range(48))
        )
    assert {answer.status for answer in same + different} == {202}
    assert len({answer.json["execution_id"] for answer in same}) == 1
    assert [answer.json["duplicate"] for answer in same].count(False) == 1
    assert len({answer.json["execution_id"] for answer in different}) == 48
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 49


def test_a_change_takes_effect_at_once(api: ApiClient) -> None:
    workflow = api.published()
    trigger = api.door(workflow["id"])
    path = trigger["config"]["path"]
    assert stored(api, send(api, path))["version"] == 1
    api.post(f"/workflows/{workflow['id']}/publish")
    assert stored(api, send(api, path))["version"] == 2
    api.post(f"/workflows/{workflow['id']}/versions/1/rollback")
    assert stored(api, send(api, path))["version"] == 1
    at = f"/triggers/{trigger['id']}"
    api.patch(at, {"enabled": False})
    assert (send(api, path).status, send(api, path).code) == (409, "trigger_disabled")
    api.patch(at, {"enabled": True})
    assert send(api, path).status == 202
    api.patch(f"/workflows/{workflow['id']}", {"enabled": False})
    assert send(api, path).code == "workflow_disabled"
    api.patch(f"/workflows/{workflow['id']}", {"enabled": True})
    api.patch(at, {"config": {"methods": ["PUT"], "auth": {"type": "api_key"}}})
    assert send(api, path).status == 405
    assert send(api, path, method="PUT").status == 401
    api.patch(at, {"config": {"path": "elsewhere"}})
    assert send(api, path).status == 404
    assert send(api, "elsewhere").status == 202
    api.delete(at)
    assert send(api, "elsewhere").status == 404


@pytest.mark.parametrize("debounce", [None, {"seconds": 1}])
def test_a_trigger_that_changes_after_each_reading_is_held_still(
    api: ApiClient, database: Database, monkeypatch: pytest.MonkeyPatch, debounce: Any
) -> None:
    """Both the trigger and what its workflow runs change between reading and starting, every time they can be changed."""
    workflow = api.published()
    trigger = api.door(workflow["id"], **({"debounce": debounce} if debounce else {}))
    api.post(f"/workflows/{workflow['id']}/publish")
    refused: list[str] = []

    def read_and_change(path: str) -> Any:
        found = doors.read_door(path)
        for change in (
            "UPDATE triggers SET revision = revision + 1",
            "UPDATE workflows SET live_version = 3 - live_version",
        ):
            try:
                with database.connection.transaction():
                    database.execute("SET LOCAL lock_timeout = '100ms'")
                    database.execute(change)
            except psycopg.errors.LockNotAvailable:
                refused.append(change)
        return found

    monkeypatch.setattr(ingress, "read_door", read_and_change)
    answer = send(api, trigger["config"]["path"])
    assert answer.status == 202, answer.body
    assert len(refused) == 2
    live = database.one("SELECT live_version FROM workflows")["live_version"]
    assert database.one("SELECT version FROM executions")["version"] == live


def test_a_held_trigger_whose_caller_cannot_be_checked_is_unhealthy(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing that down must not wait for the lock that holds the trigger."""
    tokens.forget_keys()
    monkeypatch.setattr(ingress, "FREE_ROUNDS", 0)
    with issuer() as provider:
        provider.status = 500
        auth = {"type": "jwt", "jwks_url": provider.url, "issuer": "https://login.example", "audience": "orders"}
        trigger = api.door(api.published()["id"], auth=auth)
        assert send(api, trigger["config"]["path"], authorization=f"Bearer {provider.token()}").status == 503
    assert api.get(f"/triggers/{trigger['id']}").json["state"] == "unhealthy"


def test_without_a_live_version_nothing_starts(api: ApiClient) -> None:
    draft = api.workflow()
    path = api.door(draft["id"])["config"]["path"]
    assert send(api, path).code == "workflow_not_published"
    api.post(f"/workflows/{draft['id']}/publish")
    assert send(api, path).status == 202


def test_the_mapping_replaces_the_input_and_then_the_schema_applies(api: ApiClient) -> None:
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    workflow = api.published({**ECHO, "input_schema": schema})
    mapped = api.door(workflow["id"], input={"id": "{{ input.order }}", "via": "{{ trigger.query.via }}"})["config"]["path"]
    assert stored(api, send(api, mapped + "?via=web", b'{"order": 7}', **JSON))["input"] == {"id": 7, "via": "web"}
    wrong = send(api, mapped + "?via=web", b'{"order": "x"}', **JSON)
    assert (wrong.status, wrong.code, wrong.json["errors"][0]["path"]) == (422, "validation_failed", "/id")
    missing = send(api, mapped, b'{"order": 7}', **JSON)
    assert (missing.status, missing.code) == (422, "expression_error")
    plain = api.door(workflow["id"])["config"]["path"]
    assert send(api, plain, b"{}", **JSON).status == 422
    assert send(api, plain, b'{"id": 9007199254740993}', **JSON).status == 202


RESPOND: dict[str, Any] = {
    "schema": "millrace/1",
    "nodes": [
        {
            "id": "answer",
            "type": "respond",
            "config": {"status": 201, "headers": {"X-Kind": "{{ input.kind }}"}, "body": {"got": "{{ input }}"}},
        },
        {"id": "second", "type": "respond", "config": {"status": 500, "body": "too late"}},
        {"id": "later", "type": "delay", "config": {"seconds": 3600}},
    ],
    "edges": [{"from": "answer", "to": "second"}, {"from": "second", "to": "later"}],
}


def test_the_first_respond_answers_who_waits_and_the_execution_goes_on(api: ApiClient, worker: None) -> None:
    path = api.door(api.published(RESPOND)["id"])["config"]["path"]
    answer = send(api, path + "?wait=20", b'{"kind": "a"}', **JSON)
    assert (answer.status, answer.json, answer.headers["x-kind"]) == (201, {"got": {"kind": "a"}}, "a")
    assert "sandbox" in answer.headers["content-security-policy"]
    execution = api.get(f"/executions/{answer.headers['millrace-execution-id']}").json
    assert execution["status"] in ("running", "waiting")


@pytest.mark.parametrize(
    ("config", "status", "content_type", "body"),
    [
        ({"body": "plain"}, 200, "text/plain; charset=utf-8", b"plain"),
        ({"body": "<b>", "headers": {"content-type": "text/html"}}, 200, "text/html", b"<b>"),
        ({"status": 204}, 204, None, b""),
        ({"body": None}, 200, None, b""),
        ({"body": [1, None]}, 200, "application/json", b"[1,null]"),
        ({"body": "\ud800"}, 200, "application/json", b'"\\ud800"'),
        (
            {"status": 302, "headers": {"Location": "/elsewhere", "Content-Length": "99", "Transfer-Encoding": "chunked"}},
            302,
            None,
            b"",
        ),
    ],
)
def test_what_respond_may_say(
    api: ApiClient, worker: None, config: Any, status: int, content_type: str | None, body: bytes
) -> None:
    path = api.door(
        api.published({"schema": "millrace/1", "nodes": [{"id": "a", "type": "respond", "config": config}], "edges": []})["id"]
    )["config"]["path"]
    answer = send(api, path + "?wait=20")
    assert (answer.status, answer.headers.get("content-type"), answer.body) == (status, content_type, body)
    assert "content-length" not in answer.headers
    assert "transfer-encoding" not in answer.headers
    assert answer.headers.get("location") == config.get("headers", {}).get("Location")


def test_without_respond_the_output_is_the_answer(api: ApiClient, worker: None) -> None:
    answer = send(api, door(api) + "?wait=20", b'{"n": 9007199254740993}', **JSON)
    assert (answer.status, answer.json) == (200, {"n": 9007199254740993})
    assert answer.headers["millrace-execution-id"].startswith("exe_")


def test_a_failed_execution_answers_500_with_its_id(api: ApiClient, worker: None) -> None:
    failing = {
        "schema": "millrace/1",
        "nodes": [{"id": "a", "type": "fail", "config": {"message": "internal detail"}}],
        "edges": [],
    }
    path = api.door(api.published(failing)["id"])["config"]["path"]
    answer = send(api, path + "?wait=20")
    assert (answer.status, answer.code) == (500, "execution_failed")
    assert answer.json["execution_id"] == answer.headers["millrace-execution-id"]
    assert b"internal detail" not in answer.body


def test_time_up_is_the_202(api: ApiClient) -> None:
    answer = send(api, door(api) + "?wait=1")
    assert (answer.status, answer.json["status"]) == (202, "queued")


@pytest.mark.parametrize("wait", ["0", "26", "-1", "abc", "1.5", "", "99999999999999999999", "١"])
def test_wait_is_1_to_25(api: ApiClient, database: Database, wait: str) -> None:
    answer = send(api, door(api) + f"?wait={wait}")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 0


def test_those_who_wait_do_not_keep_others_waiting(api: ApiClient) -> None:
    path = door(api)
    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(send, api, path + "?wait=25") for _ in range(40)]
        assert api.get("/workflows").status == 200
        assert send(api, path).status == 202
        assert not any(answer.done() for answer in waiting)
        api.front.stop()
        assert {answer.result().status for answer in waiting} == {202}


@pytest.mark.own_database
def test_without_a_database_nothing_is_accepted(api: ApiClient, database: Database) -> None:
    path = door(api)
    assert send(api, path).status == 202
    name = database.url.rsplit("/", 1)[1]
    admin = Database(os.environ["MILLRACE_TEST_DATABASE_URL"])
    admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    answer = send(api, path, b"{}", Content_Type="application/json", Idempotency_Key="later")
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 1
    admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    admin.close()
    assert send(api, path, b"{}", Content_Type="application/json", Idempotency_Key="later").json["duplicate"] is False


def test_a_lost_acknowledgement_starts_nothing_twice(api: ApiClient, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement commits, then the connection is cut before its answer: with and without a key the delivery is one execution."""
    path = door(api)
    send(api, path)
    real = batching.start_executions
    cut = threading.Event()

    def cutting(execute: Any, rows: Any) -> Any:
        answers = real(execute, rows)
        if not cut.is_set():
            cut.set()
            raise batching.psycopg.OperationalError("server closed the connection unexpectedly")
        return answers

    monkeypatch.setattr(batching, "start_executions", cutting)
    for headers in ({}, {"Idempotency_Key": "k"}):
        cut.clear()
        before = database.one("SELECT count(*) AS n FROM executions")["n"]
        answer = send(api, path, b"{}", Content_Type="application/json", **headers)
        assert (answer.status, answer.json["duplicate"]) == (202, False)
        assert cut.is_set()
        assert database.one("SELECT count(*) AS n FROM executions")["n"] == before + 1
        assert api.get(f"/executions/{answer.json['execution_id']}").status == 200


def test_one_bad_row_harms_no_other(api: ApiClient, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row the database refuses is written in one group with good ones: only its own sender hears of it."""
    good, bad = door(api), door(api)
    real = batching.start_executions
    groups = []

    def refusing(execute: Any, rows: Any) -> Any:
        groups.append(len(rows))
        if any(json.loads(json.dumps(row.trigger))["path"] == bad for row in rows):
            execute("SELECT 1/0", {})
        if len(groups) == 1:
            time.sleep(0.3)  # long enough for the others to gather
        return real(execute, rows)

    monkeypatch.setattr(batching, "start_executions", refusing)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: send(api, bad if n == 5 else good), range(8)))
    assert max(groups) > 2
    assert [answer.status for answer in answers].count(202) == 7
    assert answers[5].status == 422
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == 7


@pytest.mark.own_database
def test_a_migration_beneath_a_running_process_shuts_no_door(api: ApiClient, database: Database) -> None:
    """Statements that the server keeps prepared must not depend on which columns a table has."""
    path = door(api)
    for _ in range(6):  # from the fourth on they are prepared
        doors.forget_door(path)
        assert send(api, path, b"{}").status == 202
    database.execute("ALTER TABLE triggers ADD COLUMN newer text; ALTER TABLE workflows ADD COLUMN newer text; ALTER TABLE executions ADD COLUMN newer text")
    doors.forget_door(path)
    assert send(api, path, b"{}").status == 202
    assert send(api, path, b"{}", Idempotency_Key="a").json["duplicate"] is False
    assert send(api, path, b"{}", Idempotency_Key="a").json["duplicate"] is True


def test_callers_give_way_while_the_workflow_waits_for_workers(api: ApiClient, database: Database) -> None:
    path = door(api)
    paused: list[float] = []
    use_pause(paused.append)
    try:
        assert send(api, path).status == 202
        assert paused == []
        database.execute("UPDATE wakes SET wake_at = now() - interval '3 s'")
        assert send(api, path).status == 202
        assert send(api, path + "?wait=1").status == 202  # who waits for the end is slow enough
    finally:
        use_pause(None)
    assert paused == [LONGEST_SECONDS]
    assert database.one("SELECT count(*) AS n FROM wakes")["n"] == 3

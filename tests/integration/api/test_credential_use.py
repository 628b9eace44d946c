"""Credentials in use: what goes out for each type, where they may go, and what a run is told when they may not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from chalicelib.core.egress import parse_url
from chalicelib.credentials import vault
from tests.support.api import ApiClient
from tests.support.http_server import Request, Server, answer, serving
from tests.support.runs import run_node
from tests.support.workflows import definition

pytestmark = pytest.mark.usefixtures("worker")
KEY = "k9-canary-secret-for-headers"


@pytest.fixture
def server():
    with serving(lambda request: answer(b'{"ok": true}', "200 OK", "Content-Type: application/json")) as running:
        yield running


def credential(api: ApiClient, type: str, data: dict[str, Any], **fields: Any) -> str:
    answered = api.post("/credentials", {"name": f"The {type}", "type": type, "data": data, **fields})
    assert answered.status == 201, answered.body
    return answered.json["slug"]


def called(api: ApiClient, server: Server, slug: str, **config: Any) -> Request:
    node = run_node(api, "http.request", {"url": server.url("/x"), "auth": {"credential": slug}, **config})
    assert node["status"] == "succeeded", node
    assert node["input"]["auth"] == {"credential": slug}
    return server.requests[-1]


@pytest.mark.parametrize(
    ("type", "data", "header", "value"),
    [
        ("bearer", {"token": KEY}, "authorization", f"Bearer {KEY}"),
        ("bearer", {"token": KEY, "prefix": "Bot"}, "authorization", f"Bot {KEY}"),
        ("basic", {"username": "u", "password": KEY}, "authorization", "Basic " + base64.b64encode(f"u:{KEY}".encode()).decode()),
        ("header", {"name": "X-Api-Key", "value": KEY}, "x-api-key", KEY),
        ("generic", {"headers": {"X-One": KEY}, "query": {"two": KEY}}, "x-one", KEY),
    ],
)
def test_what_goes_out(api, server, type, data, header, value):
    assert called(api, server, credential(api, type, data)).headers[header] == value


def test_a_key_in_the_query_is_encoded_and_comes_last(api, server):
    slug = credential(api, "query", {"name": "api key", "value": "a&b=c"})
    assert parse_qsl(urlsplit(called(api, server, slug, query={"q": "1"}).path).query) == [("q", "1"), ("api key", "a&b=c")]


def test_a_credential_replaces_the_header_of_the_node(api, server):
    slug = credential(api, "bearer", {"token": KEY})
    request = called(api, server, slug, headers={"authorization": "Bearer of-the-node"})
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_aws_signature_is_one_that_botocore_computes_from_what_arrived(api, server):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    slug = credential(api, "aws", {"access_key_id": "AKIAEXAMPLE", "secret_access_key": KEY, "region": "eu-central-1", "service": "execute-api"})
    request = called(api, server, slug, method="POST", body={"a": 1}, query={"b": "x y", "a": "1"})
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    again = AWSRequest("POST", server.url(request.path), {"Content-Type": "application/json"}, request.body)
    again.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIAEXAMPLE", KEY), "execute-api", "eu-central-1")
    again.headers["X-Amz-Date"] = request.headers["x-amz-date"]
    again.headers["Host"] = request.headers["host"]
    if "x-amz-content-sha256" in request.headers:
        again.headers["X-Amz-Content-SHA256"] = request.headers["x-amz-content-sha256"]
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert request.headers["authorization"].endswith(f"Signature={signature}")


def test_use_is_noted(api, server):
    slug = credential(api, "bearer", {"token": KEY})
    called(api, server, slug)
    shown = api.get(f"/credentials/{slug}").json
    assert shown["last_used_at"] is not None
    assert shown["last_used_by"]["node_id"] == "n"
    assert shown["last_used_by"]["execution_id"].startswith("exe_")
    assert len(shown["used_by"]) == 1


def test_a_change_is_used_by_the_next_run(api, server):
    slug = credential(api, "bearer", {"token": KEY})
    called(api, server, slug)
    api.patch(f"/credentials/{slug}", {"data": {"token": "another-token"}})
    assert called(api, server, slug).headers["authorization"] == "Bearer another-token"


# --- where it may go -------------------------------------------------------------------------------------------------------------------------------------


def publish(api: ApiClient, config: dict[str, Any]) -> Any:
    workflow = api.workflow(definition({"id": "n", "type": "http.request", "config": config}))
    return workflow, api.post(f"/workflows/{workflow['id']}/publish")


def test_publishing_names_every_problem_with_its_path(api):
    credential(api, "bearer", {"token": KEY}, slug="pay", hosts=["pay.example"])
    credential(api, "webhook_secret", {"secret": "whsec_" + base64.b64encode(b"k" * 32).decode()}, slug="hooks")
    other = api.workflow(name="Other")
    credential(api, "bearer", {"token": KEY}, slug="bound", workflows=[other["id"]])
    expected = {
        ("pai", "https://pay.example/"): "unknown_credential",
        ("hooks", "https://pay.example/"): "credential_wrong_type",
        ("bound", "https://pay.example/"): "credential_not_allowed",
        ("pay", "https://evil.example/"): "credential_host_denied",
    }
    for (slug, url), code in expected.items():
        workflow, answered = publish(api, {"url": url, "auth": {"credential": slug}})
        assert answered.status == 422
        assert [(e["path"], e["code"]) for e in answered.json["errors"]] == [("/definition/nodes/0/config/auth/credential", code)]
        assert code in [issue["code"] for issue in workflow["issues"]]
    unknown, _ = publish(api, {"url": "https://pay.example/", "auth": {"credential": "pai"}})
    assert "Did you mean 'pay'?" in next(issue["message"] for issue in unknown["issues"])
    assert publish(api, {"url": "https://pay.example/", "auth": {"credential": "pay"}})[1].status == 201


def test_a_run_checks_the_host_again_where_the_url_is_an_expression(api, server):
    slug = credential(api, "bearer", {"token": KEY}, hosts=["pay.example"])
    node = run_node(api, "http.request", {"url": "{{ '" + server.url("/x") + "' }}", "auth": {"credential": slug}})
    assert node["error"]["code"] == "credential_host_denied"
    assert "may be sent to pay.example only" in node["error"]["message"]
    assert server.requests == []


def test_a_credential_bound_to_its_host_and_port_is_sent_there(api, server):
    slug = credential(api, "bearer", {"token": KEY}, hosts=[f"127.0.0.1:{server.port}"])
    called(api, server, slug)


def test_a_deleted_credential_fails_the_run_with_words(api, server):
    slug = credential(api, "bearer", {"token": KEY})
    workflow = api.published(definition({"id": "n", "type": "http.request", "config": {"url": server.url(), "auth": {"credential": slug}}}))
    api.delete(f"/credentials/{slug}")
    from tests.support.runs import until_ended

    execution = until_ended(api, api.post(f"/workflows/{workflow['id']}/executions", {}).json["id"])
    assert execution["error"]["code"] == "credential_not_found"


def test_a_credential_of_another_workspace_does_not_exist(api, server, database_url):
    import psycopg

    slug = credential(api, "bearer", {"token": KEY})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO workspaces (id, slug, name) VALUES ('ws_other', 'other', 'Other')")
        connection.execute("UPDATE credentials SET workspace_id = 'ws_other'")
    vault.forget_all()
    assert api.get(f"/credentials/{slug}").status == 404
    node = run_node(api, "http.request", {"url": server.url(), "auth": {"credential": "{{ '" + slug + "' }}"}})
    assert node["error"]["code"] == "credential_not_found"


def test_redirects_to_another_origin_carry_no_credential(api):
    with serving(lambda request: answer(b"there")) as elsewhere:
        away = f"Location: {elsewhere.url('/there')}"
        with serving(lambda request: answer(b"", "302 Found", away)) as here:
            for type, data in [("bearer", {"token": KEY}), ("generic", {"headers": {"Accept-Language": KEY}}), ("basic", {"username": "u", "password": KEY})]:
                node = run_node(api, "http.request", {"url": here.url(), "auth": {"credential": credential(api, type, data)}})
                assert node["status"] == "succeeded"
        for request in elsewhere.requests:
            assert "authorization" not in request.headers
            assert KEY not in json.dumps(request.headers)


def test_pages_of_a_credential_are_all_asked_with_it(api):
    def reply(request: Request) -> bytes:
        page = int(dict(parse_qsl(urlsplit(request.path).query)).get("page", "1"))
        link = f'Link: </items?page={page + 1}>; rel="next"' if page < 3 else "X-Last: 1"
        return answer(json.dumps([page]).encode(), "200 OK", "Content-Type: application/json", link)

    with serving(reply) as server:
        slug = credential(api, "bearer", {"token": KEY})
        config = {"url": server.url("/items"), "auth": {"credential": slug}, "pagination": {"type": "link", "items": ""}}
        node = run_node(api, "http.request", config)
        assert (node["output"]["body"], node["output"]["pages"], node["output"]["truncated"]) == ([1, 2, 3], 3, False)
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
        assert len({request.headers["idempotency-key"] for request in server.requests}) == 3
        assert server.connections == 1
        capped = run_node(api, "http.request", {**config, "pagination": {"type": "link", "items": "", "max_pages": 2}})
        assert (capped["output"]["body"], capped["output"]["truncated"]) == ([1, 2], True)


def test_an_export_names_credentials_by_slug_and_imports_where_there_is_one(api):
    slug = credential(api, "bearer", {"token": KEY})
    credential_id = api.get(f"/credentials/{slug}").json["id"]
    workflow = api.workflow(definition({"id": "n", "type": "http.request", "config": {"url": "https://a.example/", "auth": {"credential": credential_id}}}))
    document = api.get(f"/workflows/{workflow['id']}/export").json
    assert document["definition"]["nodes"][0]["config"]["auth"] == {"credential": slug}
    api.delete(f"/credentials/{slug}")
    imported = api.post("/workflows/import", document)
    assert (imported.status, [issue["code"] for issue in imported.json["issues"]]) == (201, ["unknown_credential"])


# --- webhooks --------------------------------------------------------------------------------------------------------------------------------------------


def test_webhooks_are_signed_with_both_live_secrets(api, server):
    new, old = (b"n" * 32, b"o" * 32)
    data = {"secret": "whsec_" + base64.b64encode(new).decode(), "previous": "whsec_" + base64.b64encode(old).decode()}
    slug = credential(api, "webhook_secret", data)
    node = run_node(api, "webhook.send", {"url": server.url("/hook"), "payload": {"a": [1, "é"]}, "secret": {"credential": slug}})
    assert node["output"]["status"] == 200
    request = server.requests[-1]
    message_id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert message_id == request.headers["idempotency-key"]
    assert json.loads(request.body) == {"a": [1, "é"]}
    signed = f"{message_id}.{timestamp}.".encode() + request.body
    right = ["v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in (new, old)]
    assert request.headers["webhook-signature"].split(" ") == right


@pytest.mark.parametrize(("status", "code"), [("410 Gone", "webhook_gone"), ("302 Found", "webhook_redirected"), ("500 Oops", "http_status")])
def test_webhooks_that_are_not_taken(api, status, code):
    with serving(lambda request: answer(b"no", status, "Location: http://127.0.0.1:9/")) as server:
        node = run_node(api, "webhook.send", {"url": server.url(), "payload": 1})
    assert (node["status"], node["error"]["code"]) == ("failed", code)


def test_the_test_button_calls_where_it_is_told_within_the_hosts(api):
    with serving(lambda request: answer(b"", "200 OK" if request.headers.get("authorization") == f"Bearer {KEY}" else "401 No")) as server:
        right, wrong = credential(api, "bearer", {"token": KEY}), credential(api, "bearer", {"token": "wrong-token"})
        assert api.post(f"/credentials/{right}/test", {"url": server.url()}).json["status"] == "ok"
        failed = api.post(f"/credentials/{wrong}/test", {"url": server.url()}).json
        assert failed["status"] == "failed"
        assert "does not accept" in failed["message"]
        bound = credential(api, "bearer", {"token": KEY}, hosts=["pay.example"])
        denied = api.post(f"/credentials/{bound}/test", {"url": server.url()}).json
        assert "may be sent to pay.example only" in denied["message"]
    assert parse_url(server.url()).port == server.port

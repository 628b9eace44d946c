"""push.send by FCM, APNs and Web Push, against local servers that follow their APIs and check what they are sent."""

from __future__ import annotations

import json
import ssl

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from chalicelib.actions.messages.webpush import encrypt
from chalicelib.core.jwt import from_b64url, public_point, vapid_key
from tests.support.mail_server import CERTIFICATE
from tests.support.notifying import Bench
from tests.support.pushing import Pushed, apple, browser, ec_key, rsa_key
from tests.support.web_api import Sent, WebApi, web_api


def public(pem: str):
    return serialization.load_pem_private_key(pem.encode(), None).public_key()


# -- FCM -----------------------------------------------------------------------------------------------------------------------------


def fcm(bench: Bench, api: WebApi) -> str:
    account = {"client_email": "push@shop.iam", "private_key": rsa_key(), "private_key_id": "k1", "project_id": "shop", "token_uri": api.url + "/token"}
    return bench.credential("fcm", {"service_account": json.dumps(account), "api_url": api.url})


def google(request: Sent):
    if request.path == "/token":
        claims = jwt.decode(request.form["assertion"], public(rsa_key()), ["RS256"], audience=f"http://{request.headers['host']}/token")
        assert claims["iss"] == "push@shop.iam"
        assert claims["exp"] - claims["iat"] == 3600
        assert request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return 200, {"access_token": "ya29.the-access-token", "expires_in": 3599, "token_type": "Bearer"}
    assert request.headers["authorization"] == "Bearer ya29.the-access-token"
    return 200, {"name": "projects/shop/messages/" + request.json["message"]["token"][:3]}


def test_firebase_takes_a_message_for_each_device(bench):
    with web_api(google) as api:
        node = bench.node("push.send", credential=fcm(bench, api), to=["abcdef", "ghijkl"], title="Order\x00", body="on its way", url="https://shop.example/17", data={"n": 17})
        output = node.run().output
    assert [line["message_id"] for line in output["recipients"]] == ["projects/shop/messages/abc", "projects/shop/messages/ghi"]
    assert sum(sent.path == "/token" for sent in api.sent) == 1
    message = next(sent.json["message"] for sent in api.sent if sent.path == "/v1/projects/shop/messages:send")
    assert message["notification"] == {"title": "Order", "body": "on its way"}
    assert message["data"] == {"n": "17", "url": "https://shop.example/17"}
    assert message["android"]["priority"] == "HIGH"
    assert message["webpush"]["fcm_options"] == {"link": "https://shop.example/17"}
    assert "ya29" not in json.dumps(output)


def test_a_token_that_was_withdrawn_is_renewed_once(bench):
    state = {"tokens": 0}

    def answer(request: Sent):
        if request.path == "/token":
            state["tokens"] += 1
            return 200, {"access_token": f"token-number-{state['tokens']}", "expires_in": 3599}
        return (401, {"error": {"status": "UNAUTHENTICATED"}}) if request.headers["authorization"].endswith("-1") else (200, {"name": "m"})

    with web_api(answer) as api:
        assert bench.node("push.send", credential=fcm(bench, api), to="abc", title="x").run().output["message_id"] == "m"
    assert state["tokens"] == 2


@pytest.mark.parametrize(
    ("status", "body", "error_class", "reason"),
    [
        (404, {"error": {"code": 404, "status": "NOT_FOUND", "details": [{"@type": "…FcmError", "errorCode": "UNREGISTERED"}]}}, None, "unregistered"),
        (429, {"error": {"details": [{"errorCode": "QUOTA_EXCEEDED"}]}}, "http.429", "rate_limited"),
        (400, {"error": {"details": [{"errorCode": "INVALID_ARGUMENT"}]}}, None, "invalid_argument"),
        (503, {"error": {"details": [{"errorCode": "UNAVAILABLE"}]}}, "http.503", "unavailable"),
    ],
)
def test_what_firebase_says_no_to(bench, status, body, error_class, reason):
    with web_api(lambda request: google(request) if request.path == "/token" else (status, body)) as api:
        node = bench.node("push.send", credential=fcm(bench, api), to="abc", title="x")
        assert node.fails().error_class == error_class
    assert node.statuses() == [(1, "fcm", "failed", reason)]


def test_google_that_refuses_the_key_has_certainly_not_sent(bench):
    with web_api(lambda _request: (400, {"error": "invalid_grant"})) as api:
        node = bench.node("push.send", credential=fcm(bench, api), to="abc", title="x")
        assert node.fails().code == "token_refused"
    assert node.statuses() == [(1, "fcm", "failed", "unauthorized")]


# -- APNs ----------------------------------------------------------------------------------------------------------------------------


def apns(bench: Bench, url: str, name: str = "apple") -> str:
    data = {"private_key": ec_key(), "key_id": "KEY1234567", "team_id": "TEAM123456", "topic": "com.example.shop", "api_url": url}
    return bench.credential("apns", data, name)


def test_apple_gets_a_signed_message_over_http2(bench, monkeypatch):
    from chalicelib.core import config, egress

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "localhost")
    config.settings.cache_clear()
    egress.guard.cache_clear()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE)
    tls.set_alpn_protocols(["h2"])
    with apple(lambda _request: (200, b""), tls) as server:
        node = bench.node("push.send", credential=apns(bench, server.url), to="a1b2c3", title="Hi", body="x", badge=3, sound="default", data={"order": 17, "aps": "evil"})
        output = node.run().output
    egress.guard.cache_clear()
    (got,) = server.got
    assert got.headers[":path"] == "/3/device/a1b2c3"
    assert got.headers["apns-id"] == output["message_id"]
    assert (got.headers["apns-topic"], got.headers["apns-push-type"], got.headers["apns-priority"]) == ("com.example.shop", "alert", "10")
    scheme, _, token = got.headers["authorization"].partition(" ")
    assert scheme == "bearer"
    assert jwt.get_unverified_header(token)["kid"] == "KEY1234567"
    assert jwt.decode(token, public(ec_key()), ["ES256"])["iss"] == "TEAM123456"
    assert json.loads(got.body) == {"aps": {"alert": {"title": "Hi", "body": "x"}, "badge": 3, "sound": "default"}, "order": 17}


@pytest.mark.parametrize(
    ("reply", "code", "error_class", "reason", "ledger"),
    [
        ((410, b'{"reason": "Unregistered", "timestamp": 1}'), "provider_error", None, "unregistered", "failed"),
        ((400, b'{"reason": "BadDeviceToken"}'), "provider_error", None, "invalid_recipient", "failed"),
        ((403, b'{"reason": "InvalidProviderToken"}'), "provider_error", None, "unauthorized", "failed"),
        ((429, b'{"reason": "TooManyRequests"}'), "rate_limited", "http.429", "rate_limited", "failed"),
        ((500, b'{"reason": "InternalServerError"}'), "provider_error", "http.500", "InternalServerError", "failed"),
        (None, "connection_failed", "connection", "connection_failed", "unknown"),
    ],
)
def test_what_apple_says_no_to(bench, reply, code, error_class, reason, ledger):
    with apple(lambda _request: reply) as server:
        node = bench.node("push.send", credential=apns(bench, server.url), to="a1b2c3", title="x")
        error = node.fails()
        again = node.fails()
    assert (error.code, error.error_class) == (again.code, again.error_class) == (code, error_class)
    assert [status for _, _, status, _ in node.statuses()] == [ledger, ledger]
    assert node.statuses()[0][3] == reason
    assert server.got[0].headers["apns-collapse-id"] == server.got[1].headers["apns-collapse-id"]


def test_a_device_that_is_gone_does_not_hold_up_the_others(bench):
    def answer(request: Pushed):
        return (410, b'{"reason": "Unregistered"}') if request.headers[":path"].endswith("gone") else (200, b"")

    with apple(answer) as server:
        output = bench.node("push.send", credential=apns(bench, server.url), to=["here", "gone"], title="x").run().output
    assert [(line["status"], line.get("reason")) for line in output["recipients"]] == [("accepted", None), ("failed", "unregistered")]


def test_firebase_falls_back_to_apple_only_when_it_is_down(bench):
    down = bench.credential("fcm", {"service_account": json.dumps({"client_email": "a", "private_key": rsa_key(), "project_id": "p", "token_uri": "http://127.0.0.1:1/"})}, "down")
    with apple(lambda _request: (200, b"")) as server:
        output = bench.node("push.send", credential=down, fallback=apns(bench, server.url), to="abc", title="x").run().output
    assert output["provider"] == "apns"


# -- Web Push ------------------------------------------------------------------------------------------------------------------------


def test_a_browser_can_read_what_it_is_sent(bench):
    with web_api(lambda _request: (201, "", {"Location": "https://push.example/m/1"})) as api:
        slug = bench.credential("web_push", {"private_key": ec_key(), "subject": "mailto:push@example.com"})
        someone = browser(api.url + "/subscription/1")
        node = bench.node("push.send", credential=slug, to=someone.subscription, title="Hi <b>", body="x", url="https://ok.example", data={"n": 1}, ttl_seconds=60)
        assert node.run().output["message_id"] == "https://push.example/m/1"
    sent = api.last
    message = json.loads(someone.decrypt(sent.body))
    assert (message["title"], message["url"], message["data"]) == ("Hi <b>", "https://ok.example", {"n": 1})
    assert (sent.headers["content-encoding"], sent.headers["ttl"], sent.headers["urgency"]) == ("aes128gcm", "60", "high")
    assert len(sent.headers["topic"]) <= 32
    scheme, _, rest = sent.headers["authorization"].partition(" ")
    assert scheme == "vapid"
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    claims = jwt.decode(fields["t"], public(ec_key()), ["ES256"], audience=api.url)
    assert claims["sub"] == "mailto:push@example.com"
    assert fields["k"] == public_point(vapid_key(ec_key()))
    assert node.rows()[0]["recipient"].count("…") == 1
    assert someone.endpoint not in str(node.rows())


def test_the_example_of_rfc_8291():
    """Appendix A: a message with known keys and salt encrypts to known bytes."""
    private = vapid_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    keys = {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    }
    body = encrypt(b"When I grow up, I want to be a watermelon", keys, from_b64url("DGv6ra1nlYgDCS1FRnbzlw"), private)
    expected = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert body == from_b64url(expected)


@pytest.mark.parametrize(("status", "error_class", "reason"), [(410, None, "unregistered"), (404, None, "unregistered"), (413, None, "http_413"), (429, "http.429", "rate_limited")])
def test_what_a_push_service_says_no_to(bench, status, error_class, reason):
    with web_api(lambda _request: (status, "no")) as api:
        slug = bench.credential("web_push", {"private_key": ec_key(), "subject": "mailto:push@example.com"})
        node = bench.node("push.send", credential=slug, to=[browser(api.url + "/1").subscription], title="x")
        assert node.fails().error_class == error_class
    assert node.statuses() == [(1, "web_push", "failed", reason)]


@pytest.mark.parametrize(
    "config",
    [
        {"to": "a-token", "title": "x"},
        {"to": {"endpoint": "https://push.example/1"}, "title": "x"},
        {"to": {"endpoint": "javascript:x", "keys": {"p256dh": "a", "auth": "b"}}, "title": "x"},
        {"to": {"endpoint": "https://push.example/1", "keys": {"p256dh": "a", "auth": "b"}}, "title": "x"},
        {"to": [browser("https://push.example/1").subscription], "title": "x", "url": "javascript:alert(1)"},
        {"to": [browser("https://push.example/1").subscription], "title": "x", "data": {"long": "x" * 4000}},
    ],
)
def test_what_cannot_be_sent_to_a_browser(bench, config):
    slug = bench.credential("web_push", {"private_key": ec_key(), "subject": "mailto:push@example.com"})
    assert bench.node("push.send", credential=slug, **config).fails().code == "invalid_config"


@pytest.mark.parametrize(
    ("type", "data", "path"),
    [
        ("fcm", {"service_account": "{}"}, "/data/service_account"),
        ("apns", {"private_key": "no", "key_id": "a", "team_id": "b", "topic": "c"}, "/data/private_key"),
        ("apns", {"private_key": rsa_key(), "key_id": "a", "team_id": "b", "topic": "c"}, "/data/private_key"),
        ("web_push", {"private_key": "short", "subject": "me"}, "/data/subject"),
    ],
)
def test_keys_are_checked_when_they_are_stored(api, type, data, path):
    answer = api.post("/credentials", {"name": "Push", "type": type, "data": data})
    assert answer.status == 422
    assert path in [error["path"] for error in answer.json["errors"]]
    assert b"PRIVATE" not in answer.body

"""The canary of the notifying nodes: providers that repeat the secret they were sent, in words and encoded, and it is found nowhere."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.core import egress
from chalicelib.core.config import settings
from tests.support import message_cases
from tests.support.canary import database_text, found_in
from tests.support.mail_server import CERTIFICATE, mail_server
from tests.support.notifying import Bench
from tests.support.pushing import apple, browser, ec_key, rsa_key
from tests.support.web_api import Sent, WebApi, web_api
from tests.support.workflows import definition, published, started

CANARY = 'cAnArY-0123/45+6789 "quoted" secret'
KEY = "the-secret-key-of-the-canary/1+2"
HOOK = "hook-of-the-canary-0123456789"
ADDRESS = "jo.the.recipient@example.org"
NUMBER = "+15005550006"


def twilio(api: WebApi) -> dict[str, Any]:
    return {"account_sid": "AC0123456789", "auth_token": CANARY, "sender": "+15005550001", "api_url": api.url}


def aws(api: WebApi) -> dict[str, Any]:
    return {"access_key_id": "AKIACANARY", "secret_access_key": KEY, "region": "eu-west-1", "endpoint_url": api.url}


def fcm(api: WebApi) -> dict[str, Any]:
    account = {"client_email": "a", "private_key": rsa_key(), "project_id": "p", "token_uri": api.url + "/token"}
    return {"service_account": json.dumps(account), "api_url": api.url}


# Node type, credential type, its data, config, secrets.
CASES: dict[str, tuple[str, str, Any, dict[str, Any], list[str]]] = {
    "twilio": ("sms.send", "twilio", twilio, {"to": NUMBER, "text": "x"}, [CANARY]),
    "ses": ("email.send", "aws", aws, {"from": "a@b.example", "to": ADDRESS, "text": "x"}, [KEY]),
    "sns": ("sms.send", "aws", aws, {"to": NUMBER, "text": "x"}, [KEY]),
    "web push": ("push.send", "web_push", lambda api: {"private_key": ec_key(), "subject": "mailto:a@b.example"}, {"to": browser("{url}/s").subscription, "title": "x"}, ["MIGHAgEA"]),
    "slack bot": ("slack.send", "slack_bot", lambda api: {"token": CANARY, "api_url": api.url}, {"channel": "C1", "text": "x"}, [CANARY]),
    "slack webhook": ("slack.send", "slack_webhook", lambda api: {"url": f"{api.url}/services/{HOOK}"}, {"text": "x"}, [HOOK]),
    "discord bot": ("discord.send", "discord_bot", lambda api: {"token": CANARY, "api_url": api.url}, {"channel": "17", "text": "x"}, [CANARY]),
    "discord webhook": ("discord.send", "discord_webhook", lambda api: {"url": f"{api.url}/{HOOK}"}, {"text": "x"}, [HOOK]),
    "teams": ("teams.send", "teams_webhook", lambda api: {"url": f"{api.url}/{HOOK}"}, {"text": "x"}, [HOOK]),
    "firebase": ("push.send", "fcm", fcm, {"to": "abc", "title": "x"}, ["MIIEv"]),
    "gateway": ("sms.send", "bearer", lambda api: {"token": CANARY}, {"to": NUMBER, "text": "x", "http": {"url": "{url}/send"}}, [CANARY]),
}


def echo(request: Sent):
    said = json.dumps([dict(request.headers), request.path, request.body.decode("utf-8", "replace")])
    return 400, {"code": 99, "message": said, "error": said, "description": said}


@pytest.mark.parametrize("case", list(CASES))
def test_what_a_provider_repeats_is_found_nowhere(bench: Bench, engine, database, database_url, caplog, case):
    caplog.set_level(logging.DEBUG, logger="millrace")
    type, credential, data, config, secrets = CASES[case]
    with web_api(echo) as api:
        slug = bench.credential(credential, data(api))
        config = json.loads(json.dumps(config).replace("{url}", api.url))
        node = {"id": "n", "type": type, "config": {"credential": slug, **config}, "retry": {"max_attempts": 1}}
        execution_id = started(database, published(database, definition(node)))
        (row,) = engine.until_ended(execution_id)
        assert row["status"] == "failed"
        assert api.sent, row["error"]
    places = [*database_text(database_url), ("log", caplog.text)]
    assert [(place, form) for place, text in places for secret in secrets for form in found_in(text, secret)] == []
    above_debug = "".join(record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG)
    assert ADDRESS not in above_debug
    assert NUMBER not in above_debug


def test_what_apple_repeats_is_found_nowhere(bench: Bench, engine, database, database_url, caplog):
    caplog.set_level(logging.DEBUG, logger="millrace")
    with apple(lambda request: (400, json.dumps({"reason": json.dumps(request.headers)}).encode())) as server:
        slug = bench.credential("apns", {"private_key": ec_key(), "key_id": "K", "team_id": "T", "topic": "com.example", "api_url": server.url})
        node = {"id": "n", "type": "push.send", "config": {"credential": slug, "to": "a1b2c3", "title": "x"}, "retry": {"max_attempts": 1}}
        (row,) = engine.until_ended(started(database, published(database, definition(node))))
        assert row["status"] == "failed"
    token = server.got[0].headers["authorization"].removeprefix("bearer ")
    places = [*database_text(database_url), ("log", caplog.text)]
    assert [place for place, text in places if token in text or "MIGHAgEA" in text] == []


@pytest.mark.parametrize("repeated_at", ["sign-in", "recipient"])
def test_what_a_mail_server_repeats_is_found_nowhere(bench: Bench, engine, database, database_url, caplog, monkeypatch, repeated_at):
    caplog.set_level(logging.DEBUG, logger="millrace")
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "127.0.0.1,localhost")
    settings.cache_clear()
    egress.guard.cache_clear()
    said = [form for n in range(3) for form in (base64.b64encode(b"x" * n + CANARY.encode()).decode(), quote(CANARY), CANARY, CANARY.encode().hex())]
    with mail_server("starttls", CANARY) as server:
        if repeated_at == "sign-in":
            server.on_sign_in = lambda password: f"535 5.7.8 no {password} {' '.join(said)}"
        else:
            server.on_rcpt = lambda _address: f"550 5.1.1 no {' '.join(said)}"
        slug = bench.credential("smtp", {"host": "localhost", "port": server.port, "security": "starttls", "username": "robot", "password": CANARY, "sender": "shop@example.com"})
        node = {"id": "n", "type": "email.send", "config": {"credential": slug, "to": ADDRESS, "subject": "x", "text": "x"}, "retry": {"max_attempts": 1}}
        (row,) = engine.until_ended(started(database, published(database, definition(node))))
    assert row["status"] == "failed"
    assert "(535)" in row["error"]["message"] if repeated_at == "sign-in" else "[redacted]" in row["error"]["message"]
    places = [*database_text(database_url), ("log", caplog.text)]
    assert [(place, form) for place, text in places for form in found_in(text, CANARY)] == []


# Recipients as they stand in each case; of a webhook, the address is a secret and has its canary above.
RECIPIENTS = {
    "email.send": ["jo@example.org", "ann@example.org", "bo@example.org"],
    "sms.send": ["+15005550006", "15005550006"],
    "push.send": ["device-token-of-somebody", "a1b2c3d4e5f6a7b8", "subscription-of-somebody"],
    "slack.send": ["C0PRIVATE1"],
    "discord.send": ["170000000000000017"],
    "teams.send": ["/hook"],
}


def no(request: Sent):
    """A refusal that repeats whom it was to go to."""
    if request.path == "/token":
        return 200, {"access_token": "t", "expires_in": 3600}
    return 400, {"code": 99, "message": f"no: {request.path} {request.body.decode('utf-8', 'replace')}"}


@pytest.mark.parametrize("outcome", ["sent", "refused", "down"])
@pytest.mark.parametrize("case", list(message_cases.CASES))
def test_no_log_line_above_debug_names_a_recipient(bench: Bench, caplog, case, outcome):
    caplog.set_level(logging.DEBUG)
    with message_cases.world() as providers:
        node = providers.node(bench, case)
        if outcome == "refused":
            providers.api.answer = no
            providers.mail.on_rcpt = lambda address: f"550 5.1.1 <{address}> unknown"
            providers.pushed.answer = lambda request: (400, json.dumps({"reason": request.headers[":path"]}).encode())
        if outcome == "down":
            providers.api.answer = lambda request: None if request.path != "/token" else no(request)
            providers.mail.on_data = lambda: None
            providers.pushed.answer = lambda _request: None
        if outcome == "sent":
            node.run()
        else:
            node.fails()
    # The test's own mail server logs what it is told.
    said = "\n".join(record.getMessage() + str(record.__dict__) for record in caplog.records if record.levelno > logging.DEBUG and record.name != "mail.log")
    assert [recipient for recipient in RECIPIENTS[node.type] if recipient in said] == []

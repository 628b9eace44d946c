"""sms.send by Twilio, SNS and a gateway of one's own, against local servers that follow their APIs."""

from __future__ import annotations

import base64

import pytest

from chalicelib.deliveries.links import read_token
from tests.support.notifying import Bench
from tests.support.web_api import Sent, WebApi, web_api

TO = "+15005550006"


def twilio(bench: Bench, api: WebApi, name: str = "twilio", **data) -> str:
    account = {"account_sid": "AC0123456789", "auth_token": "the-auth-token", "sender": "+15005550001", "api_url": api.url}
    return bench.credential("twilio", {**account, **data}, name)


def queued(request: Sent):
    return 201, {"sid": "SM" + request.form["To"][-4:], "status": "queued", "error_code": None}


def test_twilio_takes_a_message_for_each_number(bench):
    with web_api(queued) as api:
        node = bench.node("sms.send", credential=twilio(bench, api), to=[TO, "+1 (500) 555-0007", TO], text="Code 17\r\nbye")
        output = node.run().output
    assert [line["message_id"] for line in output["recipients"]] == ["SM0006", "SM0007"]
    assert (output["provider"], output["status"]) == ("twilio", "accepted")
    first = next(sent for sent in api.sent if sent.form["To"] == TO)
    assert first.path == "/2010-04-01/Accounts/AC0123456789/Messages.json"
    assert first.headers["authorization"] == "Basic " + base64.b64encode(b"AC0123456789:the-auth-token").decode()
    assert (first.form["From"], first.form["Body"]) == ("+15005550001", "Code 17\nbye")
    rows = node.rows()
    assert {read_token(sent.form["StatusCallback"].rsplit("/", 1)[1]) for sent in api.sent} == {row["id"] for row in rows}
    assert {row["recipient"] for row in rows} == {"…006", "…007"}


@pytest.mark.parametrize(
    ("status", "body", "headers", "code", "error_class", "reason", "ledger"),
    [
        (400, {"code": 21211, "message": "The 'To' number +15005550006 is not valid"}, {}, "provider_error", None, "invalid_recipient", "failed"),
        (400, {"code": 21610, "message": "unsubscribed"}, {}, "provider_error", None, "unsubscribed", "failed"),
        (401, {"code": 20003, "message": "Authenticate"}, {}, "provider_error", None, "unauthorized", "failed"),
        (429, {"code": 20429, "message": "Too many requests"}, {"Retry-After": "7"}, "rate_limited", "http.429", "rate_limited", "failed"),
        (500, {"message": "oops"}, {}, "provider_error", "http.500", "http_500", "failed"),
        (502, "bad gateway", {}, "provider_error", "http.502", "http_502", "unknown"),
        (200, {"sid": None}, {}, "provider_error", None, "invalid_response", "unknown"),
    ],
)
def test_what_twilio_says_no_to(bench, status, body, headers, code, error_class, reason, ledger):
    with web_api(lambda _request: (status, body, headers)) as api:
        node = bench.node("sms.send", credential=twilio(bench, api), to=TO, text="x")
        error = node.fails()
    assert (error.code, error.error_class) == (code, error_class)
    assert TO not in error.message
    assert error.retry_after == (7 if status == 429 else None)
    assert node.statuses() == [(1, "twilio", ledger, reason)]


def test_only_those_that_failed_are_tried_again_and_through_the_fallback(bench):
    busy = {"on": True}

    def answer(request: Sent):
        return (503, {"message": "busy"}) if busy["on"] and request.form["To"] == TO else queued(request)

    with web_api(answer) as api, web_api(queued) as second:
        node = bench.node("sms.send", credential=twilio(bench, api), to=[TO, "+15005550007"], text="x")
        assert node.fails().error_class == "http.503"
        output = node.run(fallback=[twilio(bench, second, "second")]).output
    assert [line["status"] for line in output["recipients"]] == ["accepted", "accepted"]
    assert sorted(sent.form["To"] for sent in api.sent) == [TO, TO, "+15005550007"]
    assert [sent.form["To"] for sent in second.sent] == [TO]


def test_two_attempts_at_once_send_once(bench):
    import asyncio

    with web_api(queued) as api:
        node = bench.node("sms.send", credential=twilio(bench, api), to=TO, text="x")
        node.run()
        copy = bench.node("sms.send", **node.config)
        copy.execution_id = node.execution_id
        copy.attempt = 1

        async def both():
            return await asyncio.gather(node.arun(), copy.arun(), return_exceptions=True)

        outcomes = asyncio.run(both())
    assert len(api.sent) == 1
    assert {outcome.output["message_id"] for outcome in outcomes} == {"SM0006"}


@pytest.mark.parametrize("number", ["015005550006", "+0123456789", "abc", "+1\r\n5005550006x", ""])
def test_numbers_that_are_none(bench, number):
    with web_api(queued) as api:
        error = bench.node("sms.send", credential=twilio(bench, api), to=[number or " "], text="x").fails()
    assert error.code == "invalid_config"
    assert api.sent == []


def test_sns(bench):
    answer = "<PublishResponse xmlns='http://sns.amazonaws.com/doc/2010-03-31/'><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>"
    with web_api(lambda _request: (200, answer, {"Content-Type": "text/xml"})) as api:
        data = {"access_key_id": "AKIA", "secret_access_key": "secret-of-the-test", "region": "eu-west-1", "endpoint_url": api.url}
        node = bench.node("sms.send", credential=bench.credential("aws", data), to=TO, text="Hi <b>", **{"from": "SHOP"})
        assert node.run().output["message_id"] == "m-1"
    form = api.last.form
    assert (form["Action"], form["PhoneNumber"], form["Message"]) == ("Publish", TO, "Hi <b>")
    assert "SHOP" in form.values()
    assert "eu-west-1/sns/" in api.last.headers["authorization"]


def test_sns_throttles(bench):
    error = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttled</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
    with web_api(lambda _request: (429, error, {"Content-Type": "text/xml"})) as api:
        data = {"access_key_id": "AKIA", "secret_access_key": "secret-of-the-test", "region": "eu-west-1", "endpoint_url": api.url}
        found = bench.node("sms.send", credential=bench.credential("aws", data), to=TO, text="x").fails()
    assert (found.code, found.error_class) == ("rate_limited", "rate_limited")


def test_a_gateway_of_ones_own(bench):
    with web_api(lambda _request: (200, {"result": {"id": 17}})) as api:
        http = {"url": api.url + "/send", "to_field": "msisdn", "text_field": "body", "fields": {"unicode": True}, "id_pointer": "/result/id"}
        node = bench.node("sms.send", credential=bench.credential("bearer", {"token": "the-token"}), to=[TO, "+15005550007"], text="Hi", http=http)
        assert node.run().output["message_id"] == "17"
        with_form = bench.node("sms.send", credential="bearer", to=TO, text="a&b=c", http={**http, "format": "form"})
        with_form.run()
    assert api.sent[0].headers["authorization"] == "Bearer the-token"
    assert api.last.form == {"msisdn": TO, "body": "a&b=c", "unicode": "true"}
    keys = [sent.headers["idempotency-key"] for sent in api.sent[:2]]
    assert len(set(keys)) == 2
    assert all(key.startswith(f"{node.execution_id}.n.") for key in keys)


def test_a_credential_of_another_kind_says_what_is_needed(bench):
    slug = bench.credential("smtp", {"host": "127.0.0.1", "security": "none"})
    error = bench.node("sms.send", credential=slug, to=TO, text="x").fails()
    assert error.code == "credential_wrong_type"
    assert bench.node("sms.send", credential="nowhere", to=TO, text="x").fails().code == "credential_not_found"

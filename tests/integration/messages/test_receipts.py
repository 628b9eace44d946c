"""Receipts: verified by the provider's own signature, matched to the ledger, and counted once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from chalicelib.actions.messages import receipts
from chalicelib.deliveries.links import token_of
from tests.support.pushing import rsa_key
from tests.support.web_api import Sent, web_api

TO = "+15005550006"
TOKEN = "the-auth-token"


# -- Twilio --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(bench):
    """A message that Twilio took, its callback's address, and its node."""
    with web_api(lambda _request: (201, {"sid": "SM17", "status": "queued"})) as server:
        slug = bench.credential("twilio", {"account_sid": "AC0123456789", "auth_token": TOKEN, "sender": "+15005550001", "api_url": server.url})
        node = bench.node("sms.send", credential=slug, to=TO, text="x")
        node.run()
        yield node, server.last.form["StatusCallback"]


def told(api, url: str, token: str = TOKEN, **fields):
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    return api.as_key(None).request("POST", urlsplit(url).path.removeprefix("/api"), raw=urlencode(fields).encode(), headers=headers)


def test_twilio_tells_what_became_of_a_message(api, sent):
    node, url = sent
    for status, moved in (("sent", 0), ("delivered", 1), ("delivered", 0), ("failed", 0)):
        answer = told(api, url, MessageSid="SM17", MessageStatus=status, To=TO)
        assert (answer.status, answer.json) == (200, {"moved": moved})
    assert node.statuses() == [(1, "twilio", "delivered", "")]


def test_twilio_tells_that_it_did_not_arrive(api, sent):
    node, url = sent
    assert told(api, url, MessageSid="SM17", MessageStatus="undelivered", ErrorCode="30003").json == {"moved": 1}
    assert node.statuses() == [(1, "twilio", "failed", "twilio_30003")]


def test_what_is_not_twilios_moves_nothing(api, sent, bench):
    node, url = sent
    fields = {"MessageSid": "SM17", "MessageStatus": "failed"}
    assert told(api, url, token="another-token", **fields).status == 401
    assert api.as_key(None).request("POST", urlsplit(url).path.removeprefix("/api"), raw=b"MessageStatus=failed").status == 401
    assert told(api, url[:-1] + ("A" if url[-1] != "A" else "B"), **fields).status == 404
    assert told(api, url + "x", **fields).status == 404
    assert told(api, url, MessageSid="SM99", MessageStatus="failed").json == {"moved": 0}
    assert node.statuses() == [(1, "twilio", "accepted", "")]


# -- SES and SNS ---------------------------------------------------------------------------------------------------------------------


def certificate() -> bytes:
    key = serialization.load_pem_private_key(rsa_key().encode(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Topic:
    """SNS: signs what it sends, serves its certificate, and notes confirmed subscriptions."""

    def __init__(self) -> None:
        self.confirmed: list[str] = []
        self.pem = certificate()

    def answer(self, request: Sent):
        if request.path == "/cert.pem":
            return 200, self.pem
        if "ConfirmSubscription" in request.path:
            self.confirmed.append(request.path)
            return 200, "<ok/>"
        if b"Action=Publish" in request.body:
            return 200, "<PublishResponse><PublishResult><MessageId>sms-1</MessageId></PublishResult></PublishResponse>"
        return 200, "<SendRawEmailResponse><SendRawEmailResult><MessageId>ses-1</MessageId></SendRawEmailResult></SendRawEmailResponse>"

    def message(self, url: str, kind: str = "Notification", version: str = "2", **fields: str) -> dict[str, str]:
        message = {"Type": kind, "MessageId": "m-1", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Timestamp": "2026-01-01T00:00:00.000Z", **fields}
        names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        key = serialization.load_pem_private_key(rsa_key().encode(), None)
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256() if version == "2" else hashes.SHA1())
        return {**message, "SignatureVersion": version, "Signature": base64.b64encode(signature).decode(), "SigningCertURL": url + "/cert.pem"}


@pytest.fixture
def topic(bench, api):
    """(topic, its URL, the path of the credential's address for receipts)."""
    receipts._certificates.clear()
    made = Topic()
    with web_api(made.answer) as server:
        data = {"access_key_id": "AKIA", "secret_access_key": "secret-of-the-test", "region": "eu-west-1", "endpoint_url": server.url}
        slug = bench.credential("aws", data)
        url = api.get(f"/credentials/{slug}/receipts").json["url"]
        yield made, server.url, urlsplit(url).path.removeprefix("/api")


def post(api, path: str, message) -> tuple[int, object]:
    answer = api.as_key(None).request("POST", path, raw=json.dumps(message).encode(), headers={"Content-Type": "text/plain; charset=UTF-8"})
    return answer.status, answer.json.get("moved")


def test_a_subscription_confirms_itself(api, topic):
    made, url, path = topic
    subscribe = f"{url}/?Action=ConfirmSubscription&Token=t"
    assert post(api, path, made.message(url, "SubscriptionConfirmation", Message="x", Token="t", SubscribeURL=subscribe)) == (200, 0)
    assert len(made.confirmed) == 1
    elsewhere = made.message(url, "SubscriptionConfirmation", Message="x", Token="t", SubscribeURL="https://evil.example/?Action=ConfirmSubscription")
    assert post(api, path, elsewhere)[0] == 401
    assert len(made.confirmed) == 1


@pytest.mark.parametrize("version", ["1", "2"])
def test_ses_tells_of_each_recipient(api, bench, topic, version):
    made, url, path = topic
    node = bench.node("email.send", credential="aws", **{"from": "a@b.example"}, to=["Jo@example.org", "ann@example.org"], text="x")
    node.run()
    bounce = {"notificationType": "Bounce", "mail": {"messageId": "ses-1"}, "bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": "ann@example.org"}]}}
    assert post(api, path, made.message(url, version=version, Message=json.dumps(bounce), Subject="s")) == (200, 1)
    arrived = {"eventType": "Delivery", "mail": {"messageId": "ses-1"}, "delivery": {"recipients": ["jo@example.org", "ann@example.org"]}}
    assert post(api, path, made.message(url, version=version, Message=json.dumps(arrived))) == (200, 1)
    complaint = {"eventType": "Complaint", "mail": {"messageId": "ses-1"}, "complaint": {"complainedRecipients": [{"emailAddress": "jo@example.org"}]}}
    assert post(api, path, made.message(url, version=version, Message=json.dumps(complaint))) == (200, 0)
    assert {(row["recipient"], row["status"], row["reason"], row["detail"]) for row in node.rows()} == {
        ("J…@example.org", "delivered", "", "complaint: "),
        ("a…@example.org", "failed", "bounced", "Permanent General"),
    }


def test_sns_tells_of_a_text_message(api, bench, topic):
    made, url, path = topic
    node = bench.node("sms.send", credential="aws", to=TO, text="x")
    node.run()
    event = {"notification": {"messageId": "sms-1"}, "delivery": {"providerResponse": "Unknown error attempting to reach phone"}, "status": "FAILURE"}
    assert post(api, path, made.message(url, Message=json.dumps(event))) == (200, 1)
    assert node.statuses() == [(1, "sns", "failed", "unknown_error_attempting_to_reach_phone")]


def test_what_is_not_snss_moves_nothing(api, bench, topic):
    made, url, path = topic
    node = bench.node("email.send", credential="aws", **{"from": "a@b.example"}, to="jo@example.org", text="x")
    node.run()
    good = made.message(url, Message=json.dumps({"eventType": "Delivery", "mail": {"messageId": "ses-1"}, "delivery": {"recipients": ["jo@example.org"]}}))
    assert post(api, path, {**good, "Message": good["Message"].replace("ses-1", "ses-2")})[0] == 401
    assert post(api, path, {**good, "SigningCertURL": "https://evil.example/cert.pem"})[0] == 401
    assert post(api, path, {**good, "SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/cert.pem"})[0] == 401
    assert post(api, path, {**good, "Signature": "x"})[0] == 401
    assert post(api, path, {"Type": "Other"})[0] == 400
    assert post(api, path, [])[0] == 400
    assert post(api, path[:-1], good)[0] == 404
    other = bench.credential("aws", {"access_key_id": "AKIB", "secret_access_key": "secret", "region": "eu-west-1", "endpoint_url": url}, "other")
    other_path = urlsplit(api.get(f"/credentials/{other}/receipts").json["url"]).path.removeprefix("/api")
    assert post(api, other_path, good) == (200, 0)  # another credential's message
    assert node.statuses() == [(1, "ses", "accepted", "")]
    assert post(api, path, good) == (200, 1)


def test_only_aws_credentials_have_an_address(api, bench):
    slug = bench.credential("bearer", {"token": "the-token"})
    assert api.get(f"/credentials/{slug}/receipts").status == 404
    assert api.get("/credentials/nowhere/receipts").status == 404
    bearer_token = token_of(api.get(f"/credentials/{slug}").json["id"])
    assert post(api, f"/callbacks/deliveries/{bearer_token}", {"Type": "Notification"})[0] == 404


@pytest.mark.parametrize("text", [None, "hello", "[]", "{}", '{"mail": 1}', '{"mail": {}, "eventType": "Open"}', '{"eventType": "TEXT_SENT", "messageStatus": "SENT", "isFinal": false}'])
def test_what_tells_nothing(text):
    assert receipts.read_event(text) == []

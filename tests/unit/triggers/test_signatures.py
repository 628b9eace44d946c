"""Signatures against what the senders' own documentation and libraries show, and what must not pass."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from chalicelib.core.errors import Unauthenticated
from chalicelib.triggers.auth import Auth
from chalicelib.triggers.secrets import needs_secret, without_secrets
from chalicelib.triggers.signatures import check_signature

AUTH: TypeAdapter[Any] = TypeAdapter(Auth)

# https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
GITHUB = (
    {"type": "github", "secret": "It's a Secret to Everybody"},
    {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
    b"Hello, World!",
    0.0,
)
# https://docs.slack.dev/authentication/verifying-requests-from-slack (the slash command of its example)
SLACK = (
    {"type": "slack", "secret": "8f742231b10e8888abcd99yyyzzz85a5"},
    {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
    b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    1531420618.0,
)
# https://github.com/standard-webhooks/standard-webhooks (the vector of its reference libraries)
STANDARD = (
    {"type": "standard_webhooks", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    b'{"test": 2432232314}',
    1614265330.0,
)
# The tests of Shopify's own library: https://github.com/Shopify/shopify-api-php, tests/Webhooks/RegistryTest.php and tests/BaseTestCase.php
SHOPIFY = (
    {"type": "shopify", "secret": "7008c5f4da4718b9b45d26d3fcbbb157"},
    {"x-shopify-hmac-sha256": "+R9TwYM4mbLTk3hEAOBkpA7zW2lc9vNFmVKs2u2jtyY="},
    b'{"foo":"bar"}',
    0.0,
)
# The name that Shopify is changing to: https://github.com/Shopify/shopify-api-ruby, lib/shopify_api/webhooks/request.rb
SHOPIFY_NEW = (SHOPIFY[0], {"shopify-hmac-sha256": SHOPIFY[1]["x-shopify-hmac-sha256"]}, *SHOPIFY[2:])
# The tests of Stripe's own library: https://github.com/stripe/stripe-dotnet, src/StripeTests/Services/Events/EventUtilityTest.cs and its event_test_signature.json
STRIPE_EVENT = {
    "id": "evt_123",
    "object": "event",
    "account": "acct_123",
    "api_version": "2017-05-25",
    "created": 1533204620,
    "data": {
        "object": {
            "id": "cus_123",
            "object": "customer",
            "created": 123456789,
            "email": "test@stripe.com",
            "livemode": False,
            "metadata": {},
        }
    },
    "livemode": False,
    "pending_webhooks": 1,
    "request": {"id": "req_123", "idempotency_key": "idempotency-key-123"},
    "type": "customer.created",
}
STRIPE = (
    {"type": "stripe", "secret": "webhook_secret"},
    {
        "stripe-signature": "t=1533204620,v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"
        ",v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7"  # first there; here last, where the tests below break it
    },
    (json.dumps(STRIPE_EVENT, indent=2) + "\n").encode(),
    1533204620.0,
)


def stripe_headers(secret: str, body: bytes, at: int, *more: str) -> dict[str, str]:
    """Stripe's rule: hexadecimal HMAC-SHA256 of `<t>.<body>` (https://docs.stripe.com/webhooks#verify-manually)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": ",".join([f"t={at}", "v0=6ffbb59b2300aae63f272406069a9788", *more, f"v1={digest}"])}


# While a secret is rolled, Stripe signs with both.
STRIPE_ROLLED = (
    {"type": "stripe", "secret": "whsec_test_secret"},
    stripe_headers("whsec_test_secret", b'{"id": "evt_1"}', 1492774577, "v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"),
    b'{"id": "evt_1"}',
    1492774577.0,
)
VECTORS = [GITHUB, SLACK, STANDARD, SHOPIFY, SHOPIFY_NEW, STRIPE, STRIPE_ROLLED]
TIMED = [SLACK, STANDARD, STRIPE, STRIPE_ROLLED]


def checked(auth: dict[str, Any], headers: dict[str, str], body: bytes, now: float) -> str | None:
    return check_signature(AUTH.validate_python(auth).model_dump(exclude_none=True), headers, body, now)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0]["type"])
def test_what_its_sender_publishes_is_taken(vector: Any) -> None:
    auth, headers, body, now = vector
    assert (checked(auth, headers, body, now) is not None) == (vector in TIMED)
    rotated = {**auth, "secret": "another-secret!!", "previous_secret": auth["secret"]}
    checked({**rotated, "secret": "whsec_" + base64.b64encode(b"x" * 24).decode()}, headers, body, now)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0]["type"])
def test_anything_else_is_refused(vector: Any) -> None:
    auth, headers, body, now = vector
    header = next(name for name in headers if "signature" in name or "hmac" in name)
    wrong = [
        (headers, body + b" "),
        (headers, b""),
        ({**headers, header: headers[header][:-3] + "abc"}, body),
        ({**headers, header: ""}, body),
        ({**headers, header: "é"}, body),
        ({**headers, header: headers[header].partition("=")[2]}, body),
        ({}, body),
    ]
    for sent, raw in wrong:
        if sent.get(header) == headers[header] and raw == body:
            continue
        with pytest.raises(Unauthenticated):
            checked(auth, sent, raw, now)
    with pytest.raises(Unauthenticated):
        checked({**auth, "secret": "whsec_" + base64.b64encode(b"y" * 24).decode()}, headers, body, now)
    with pytest.raises(Unauthenticated):
        checked({"type": auth["type"]}, headers, body, now)


@pytest.mark.parametrize("vector", TIMED, ids=lambda vector: vector[0]["type"])
def test_stale_and_early_messages_are_refused(vector: Any) -> None:
    auth, headers, body, now = vector
    for off in (-299, 299):
        checked(auth, headers, body, now + off)
    for off in (-301, 301, 86_400):
        with pytest.raises(Unauthenticated, match="seconds off"):
            checked(auth, headers, body, now + off)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
@pytest.mark.parametrize("timed", [False, True])
def test_hmac_as_its_user_spells_it_out(algorithm: str, encoding: str, timed: bool) -> None:
    auth: dict[str, Any] = {
        "type": "hmac", "header": "X-Sig", "secret": "aabbccddeeff", "secret_encoding": "hex", "algorithm": algorithm, "encoding": encoding, "prefix": "v9:",
    }  # fmt: skip
    body, signed = b"\x00\xff{}", b"\x00\xff{}"
    headers = {}
    if timed:
        auth |= {"timestamp_header": "X-Time", "signed": "<{timestamp}>{body}!"}
        signed, headers = b"<1700000000>" + body + b"!", {"x-time": "1700000000"}
    digest = hmac.digest(bytes.fromhex("aabbccddeeff"), signed, algorithm)
    text = {"hex": digest.hex(), "base64": base64.b64encode(digest).decode(), "base64url": base64.urlsafe_b64encode(digest).decode()}[encoding]
    checked(auth, {**headers, "x-sig": "v9:" + text}, body, 1_700_000_100)
    with pytest.raises(Unauthenticated):
        checked(auth, {**headers, "x-sig": text}, body, 1_700_000_100)
    if timed:
        with pytest.raises(Unauthenticated):
            checked(auth, {"x-sig": "v9:" + text, "x-time": "1700000001"}, body, 1_700_000_100)


@pytest.mark.parametrize(
    ("auth", "field"),
    [
        ({"type": "hmac", "secret": "x" * 8, "header": "content-type"}, "header"),
        ({"type": "hmac", "secret": "x" * 8, "header": "a b"}, "header"),
        ({"type": "hmac", "secret": "x" * 8, "algorithm": "md5"}, "algorithm"),
        ({"type": "hmac", "secret": "x" * 8, "signed": "{timestamp}"}, "signed"),
        ({"type": "hmac", "secret": "x" * 8, "signed": "{timestamp}{body}"}, "signed"),
        ({"type": "hmac", "secret": "x" * 8, "timestamp_header": "x-t", "signed": "{body}"}, "signed"),
        ({"type": "hmac", "secret": "not hex!", "secret_encoding": "hex"}, "hmac"),
        ({"type": "standard_webhooks", "secret": "not base64!"}, "secret"),
        ({"type": "basic", "secret": "x" * 8}, "username"),
        ({"type": "basic", "secret": "x" * 8, "username": "a:b"}, "username"),
        ({"type": "jwt", "jwks_url": "ftp://a", "issuer": "i", "audience": "a"}, "jwks_url"),
        ({"type": "jwt", "jwks_url": "https://a", "issuer": "i", "audience": "a", "algorithms": ["HS256"]}, "algorithms"),
        ({"type": "jwt", "jwks_url": "https://a", "issuer": "i"}, "jwt"),
        ({"type": "magic"}, ""),
    ],
)
def test_wrong_configurations_name_their_field(auth: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AUTH.validate_python(auth)
    assert field in str(caught.value.errors()[0]["loc"])


def test_no_kind_shows_its_secret() -> None:
    for kind in ("api_key", "hmac", "standard_webhooks", "github", "stripe", "slack", "shopify", "basic"):
        auth = {"type": kind, "secret": "canary", "previous_secret": "canary", "username": "u"}
        assert "canary" not in str(without_secrets(auth))
        assert without_secrets(auth)["has_secret"] is True
        assert needs_secret({"type": kind}) == (kind != "api_key")

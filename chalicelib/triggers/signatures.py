"""Signatures over the raw bytes of a request, compared in constant time. Pure; the present is an argument.

GitHub, Stripe, Slack and Shopify are instances of one scheme, which `hmac` lets users spell out for any other sender.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.errors import Unauthenticated
from chalicelib.triggers.secrets import SECRET_FIELDS, decoded_secret, webhook_key

TOLERANCE_SECONDS = 300
MAX_OFFERED = 20
_UNIX_TIME = re.compile(r"[0-9]{1,13}\Z")
_MILLISECONDS = 100_000_000_000  # a larger number is a time in milliseconds

# Never stored, whatever the trigger's auth: what identifies or authenticates a sender.
_HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_HIDDEN_LIKE = re.compile(r"signature|hmac|api[-_]?key|secret|authorization|authentication|token$|^x-auth-")


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a sender signs. `fields`: the header holds `t=…,v1=…`, and these are the names of timestamp and signature in it. `new_header`: what the sender is changing
    the header's name to."""

    header: str
    new_header: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str | None = None
    timestamp_header: str | None = None
    fields: tuple[str, str] | None = None
    signed: str = "{body}"
    tolerance_seconds: int = TOLERANCE_SECONDS
    secret_encoding: str = "text"  # noqa: S105 - not a secret

    @property
    def timed(self) -> bool:
        """Whether the time of signing is signed too."""
        return self.timestamp_header is not None or self.fields is not None


NAMED: Mapping[str, Scheme] = {
    "github": Scheme("x-hub-signature-256", prefix="sha256="),
    "stripe": Scheme("stripe-signature", fields=("t", "v1"), signed="{timestamp}.{body}"),
    "slack": Scheme(
        "x-slack-signature", prefix="v0=", timestamp_header="x-slack-request-timestamp", signed="v0:{timestamp}:{body}"
    ),
    "shopify": Scheme("x-shopify-hmac-sha256", "shopify-hmac-sha256", encoding="base64", prefix=""),
}


def scheme_of(auth: Mapping[str, Any]) -> Scheme | None:
    """The scheme of a trigger's `auth`; None for kinds that sign in no such way."""
    if auth["type"] in NAMED:
        return NAMED[auth["type"]]
    if auth["type"] != "hmac":
        return None
    timed = auth.get("timestamp_header") is not None
    return Scheme(
        header=auth["header"],
        algorithm=auth.get("algorithm", "sha256"),
        encoding=auth.get("encoding", "hex"),
        prefix=auth.get("prefix"),
        timestamp_header=auth.get("timestamp_header"),
        signed=auth.get("signed") or ("{timestamp}.{body}" if timed else "{body}"),
        tolerance_seconds=auth.get("tolerance_seconds", TOLERANCE_SECONDS),
        secret_encoding=auth.get("secret_encoding", "text"),
    )


def check_signature(auth: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    """Raises Unauthenticated unless the request is signed as this trigger asks. `now` is Unix time, in seconds.

    Answers what stands for this one signed message (None when the sender signs no time): seen again, it is a replay.
    """
    secrets = [auth[name] for name in SECRET_FIELDS if auth.get(name)]
    if not secrets:
        raise Unauthenticated("this trigger has no secret yet, so no signature can be right; set it")
    scheme = scheme_of(auth)
    if scheme is None:
        return _check_standard(secrets, headers, body, now)
    return _check_scheme(scheme, secrets, headers, body, now)


def _check_scheme(scheme: Scheme, secrets: list[str], headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    sent_at, offered = _offered(scheme, headers)
    if not offered:
        raise Unauthenticated(
            f"send the {scheme.encoding} HMAC-{scheme.algorithm.upper()} of the body in the header {scheme.header}"
        )
    if scheme.timed:
        _check_time(sent_at, now, scheme.tolerance_seconds, scheme.timestamp_header or scheme.header)
    signed = _signed_bytes(scheme, sent_at, body)
    expected = [
        _encoded(hmac.digest(decoded_secret(secret, scheme.secret_encoding), signed, scheme.algorithm), scheme.encoding)
        for secret in secrets
    ]
    _check_match(offered, expected, scheme.header)
    return _stands_for(signed) if scheme.timed else None


def _offered(scheme: Scheme, headers: Mapping[str, str]) -> tuple[str, list[str]]:
    """The time as sent, and the signatures, without what stands before them."""
    value = (headers.get(scheme.header) or headers.get(scheme.new_header, "")).strip()
    if scheme.fields is not None:
        pairs = [part.strip().partition("=") for part in value.split(",")[: 2 * MAX_OFFERED]]
        times = [text for name, _, text in pairs if name == scheme.fields[0]]
        return (times[0] if times else ""), [text for name, _, text in pairs if name == scheme.fields[1]][:MAX_OFFERED]
    sent_at = headers.get(scheme.timestamp_header, "").strip() if scheme.timestamp_header else ""
    if scheme.prefix is None:
        value = value.removeprefix(scheme.algorithm + "=")
    elif value.startswith(scheme.prefix):
        value = value[len(scheme.prefix) :]
    else:
        value = ""
    if scheme.encoding == "hex":
        value = value.lower()
    return sent_at, [value] if value else []


def _check_time(sent_at: str, now: float, tolerance: int, header: str) -> None:
    if not _UNIX_TIME.match(sent_at):
        raise Unauthenticated(f"{header} must tell the Unix time of signing")
    seconds = int(sent_at)
    if seconds >= _MILLISECONDS:
        seconds //= 1000
    if abs(now - seconds) > tolerance:
        raise Unauthenticated(f"the time in {header} is more than {tolerance} seconds off; sign the message anew")


def _signed_bytes(scheme: Scheme, sent_at: str, body: bytes) -> bytes:
    before, _, after = scheme.signed.replace("{timestamp}", sent_at).partition("{body}")
    return before.encode() + body + after.encode()


def _encoded(digest: bytes, encoding: str) -> str:
    if encoding == "hex":
        return digest.hex()
    text = base64.b64encode(digest) if encoding == "base64" else base64.urlsafe_b64encode(digest)
    return text.decode("ascii")


def _check_standard(secrets: list[str], headers: Mapping[str, str], body: bytes, now: float) -> str:
    message_id, sent_at, offered = (headers.get(f"webhook-{name}", "").strip() for name in ("id", "timestamp", "signature"))
    if not (message_id and offered and sent_at):
        raise Unauthenticated("send webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks)")
    _check_time(sent_at, now, TOLERANCE_SECONDS, "webhook-timestamp")
    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = [base64.b64encode(hmac.digest(webhook_key(secret), signed, "sha256")).decode("ascii") for secret in secrets]
    signatures = [part.removeprefix("v1,") for part in offered.split()[:MAX_OFFERED] if part.startswith("v1,")]
    _check_match(signatures, expected, "webhook-signature")
    return _stands_for(signed)


def _check_match(offered: Sequence[str], expected: Sequence[str], header: str) -> None:
    """Every pair is compared, so that the time taken does not tell which was near."""
    matches = [same_text(signature.rstrip("="), right.rstrip("=")) for signature in offered for right in expected]
    if True not in matches:
        raise Unauthenticated(f"the signature in {header} is not that of this message")


def _stands_for(signed: bytes) -> str:
    return hashlib.sha256(signed).hexdigest()


def same_text(offered: str, expected: str) -> bool:
    """Equal, told in constant time."""
    return hmac.compare_digest(offered.encode("utf-8", "replace"), expected.encode())


def stored_headers(headers: Mapping[str, str], auth: Mapping[str, Any]) -> dict[str, str]:
    """The headers an execution may keep: all but credentials, API keys and signatures."""
    signed_in = auth.get("header")
    return {
        name: value
        for name, value in headers.items()
        if name not in _HIDDEN and name != signed_in and not _HIDDEN_LIKE.search(name)
    }

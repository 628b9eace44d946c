"""Who may call an `api` trigger: signatures over the raw bytes, compared in constant time. Pure; the present is an argument."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import Unauthenticated
from chalicelib.triggers.types.api import SECRET_FIELDS, webhook_key

TOLERANCE_SECONDS = 300
_SECONDS = re.compile(r"[0-9]{1,12}\Z")

# Never stored, whatever the trigger's auth: what identifies or authenticates a sender.
_HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_HIDDEN_LIKE = re.compile(r"signature|api[-_]?key|secret|authorization|authentication|token$|^x-auth-")


def check_signature(auth: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raises Unauthenticated unless the request is signed as this trigger asks (`hmac` or `standard_webhooks`). `now` is Unix time, in seconds."""
    secrets = [auth[name] for name in SECRET_FIELDS if auth.get(name)]
    if not secrets:
        raise Unauthenticated("this trigger has no secret yet, so no signature can be right; set it")
    if auth["type"] == "hmac":
        _check_hmac(auth["header"], secrets, headers, body)
    else:
        _check_standard(secrets, headers, body, now)


def _check_hmac(header: str, secrets: list[str], headers: Mapping[str, str], body: bytes) -> None:
    offered = headers.get(header, "").strip().removeprefix("sha256=").lower()
    if not offered:
        raise Unauthenticated(f"send the hexadecimal HMAC-SHA256 of the body in the header {header}")
    matches = [_same(offered, hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()) for secret in secrets]
    if True not in matches:
        raise Unauthenticated(f"the signature in {header} is not that of this body")


def _check_standard(secrets: list[str], headers: Mapping[str, str], body: bytes, now: float) -> None:
    message_id, sent_at, offered = (headers.get(f"webhook-{name}", "").strip() for name in ("id", "timestamp", "signature"))
    if not (message_id and offered and _SECONDS.match(sent_at)):
        raise Unauthenticated("send webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks)")
    if abs(now - int(sent_at)) > TOLERANCE_SECONDS:
        raise Unauthenticated("webhook-timestamp is more than five minutes off; sign the message anew")
    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = [base64.b64encode(hmac.digest(webhook_key(secret), signed, "sha256")).decode("ascii") for secret in secrets]
    signatures = [part.removeprefix("v1,") for part in offered.split()[:20] if part.startswith("v1,")]
    matches = [_same(signature, right) for signature in signatures for right in expected]
    if True not in matches:
        raise Unauthenticated("webhook-signature is not that of this message")


def _same(offered: str, expected: str) -> bool:
    return hmac.compare_digest(offered.encode("utf-8", "replace"), expected.encode())


def stored_headers(headers: Mapping[str, str], auth: Mapping[str, Any]) -> dict[str, str]:
    """The headers an execution may keep: all but credentials, API keys and signatures."""
    signed_in = auth.get("header")
    return {
        name: value
        for name, value in headers.items()
        if name not in _HIDDEN and name != signed_in and not _HIDDEN_LIKE.search(name)
    }

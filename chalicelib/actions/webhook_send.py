"""webhook.send: hand a message to a subscriber, signed by Standard Webhooks (standardwebhooks.com).

`webhook-id` is the node's idempotency key, the same on every attempt; the timestamp is that of the attempt, since receivers refuse old ones. With two live secrets the
message carries a signature of each, so that receivers can change over.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from pydantic import Field

from chalicelib.actions.http.answers import excerpt, retry_after
from chalicelib.actions.http.fields import HeaderValue, request_headers, scalar_text
from chalicelib.actions.http.sending import send
from chalicelib.actions.http_request import warn
from chalicelib.core.clock import utc_now
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.credentials.spec import Outgoing
from chalicelib.credentials.vault import borrow
from chalicelib.registry.references import credential_field
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

MAX_ANSWER_BYTES = 100_000
_RESERVED = ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type")


class SigningSecret(Config):
    """What the message is signed with."""

    credential: str = credential_field("webhook_secret")


class WebhookSendConfig(Config):
    """Where the message goes."""

    url: str = Field(min_length=1, description="The subscriber's address.")
    payload: Any = Field(default=None, description="What is sent, as JSON.")
    secret: SigningSecret | None = Field(default=None, description="The credential (type webhook_secret) to sign with; without, the message is not signed.")
    headers: dict[str, HeaderValue] = Field(default_factory=dict, max_length=100, description="Further header fields; null leaves one out.")


def signatures(keys: list[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The webhook-signature header: a `v1` signature for each key."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii") for key in keys)


async def run(ctx: NodeContext, config: WebhookSendConfig) -> Done:
    """Sends once. Errors: http_status (class http.<code>), webhook_gone (410: the subscriber wants no more), webhook_redirected, and those of http.request."""
    headers = request_headers(config.headers, ctx.idempotency_key)
    taken = next((name for name in headers if name.lower() in _RESERVED), None)
    if taken is not None:
        raise ActionError("invalid_config", f"the header {taken!r} is set by webhook.send itself; remove it")
    body = scalar_text(config.payload, "payload").encode("ascii") if not isinstance(config.payload, str) else _json_text(config.payload)
    timestamp = int(utc_now().timestamp())
    headers |= {"Content-Type": "application/json", "webhook-id": ctx.idempotency_key, "webhook-timestamp": str(timestamp)}
    signer = ""
    if config.secret is not None:
        opened = await borrow(ctx, config.secret.credential, ("webhook_secret",))
        try:
            target = parse_url(config.url)
        except (EgressDenied, InvalidUrl) as error:
            raise ActionError(error.code, error.detail) from None
        opened.check_host(target.host, target.port)
        signer = opened.id
        headers["webhook-signature"] = signatures(opened.data.keys, ctx.idempotency_key, timestamp, body)
    response = await send(ctx, Outgoing("POST", config.url, headers, body), signer=signer, max_bytes=MAX_ANSWER_BYTES, redirects=-1)
    origin, status = response.target.origin, response.status
    if status == 410:
        raise ActionError("webhook_gone", f"{origin} answered 410: the subscriber wants no more messages; remove the node or its address")
    if 300 <= status < 400:
        raise ActionError("webhook_redirected", f"{origin} answered {status}; redirects of webhooks are not followed, so give the final address")
    if status >= 400:
        said = ctx.secrets.text(excerpt(response.body, config.url, headers))
        message = f"POST {origin} answered {status}" + (f": {said}" if said else "")
        raise ActionError(
            "http_status", message, error_class=f"http.{status}", retry_after=retry_after(response, utc_now()), output={"status": status}
        )
    return Done({"status": status})


def _json_text(text: str) -> bytes:
    import json

    return json.dumps(text).encode("ascii")


SPEC = ActionSpec(
    type="webhook.send",
    title="Send a webhook",
    description="Sends a JSON message to a subscriber, signed by Standard Webhooks.",
    kind="action",
    icon="webhook",
    config_model=WebhookSendConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={"type": "object", "properties": {"status": {"type": "integer"}}, "required": ["status"]},
    example={"url": "https://subscriber.example.com/hooks", "payload": {"type": "order.paid", "data": {"id": "{{ input.id }}"}}, "secret": {"credential": "webhooks"}},
    warn=warn,
)

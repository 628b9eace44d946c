"""webhook.send: hand a message to a subscriber, signed by Standard Webhooks (standardwebhooks.com).

`webhook-id` is the node's idempotency key, the same on every attempt; the timestamp is that of the attempt, since receivers refuse old ones. With two live secrets the
message carries a signature of each, so that receivers can change over.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import Any

from pydantic import Field

from chalicelib.actions.http.answers import excerpt, retry_after
from chalicelib.actions.http.fields import HeaderValue, request_headers, scalar_text
from chalicelib.actions.http.sending import CallError, send
from chalicelib.actions.http_request import warn
from chalicelib.actions.messages.http_api import UNSURE_STATUSES
from chalicelib.core.clock import utc_now
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.core.http import Response
from chalicelib.credentials.spec import Outgoing
from chalicelib.credentials.vault import borrow
from chalicelib.deliveries import repository, service
from chalicelib.deliveries.edge import before_sending, record
from chalicelib.registry.references import credential_field
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

MAX_ANSWER_BYTES = 100_000
PROVIDER = "standard_webhooks"
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
    """Sends once, with a row in the delivery ledger. Errors: http_status (class http.<code>), webhook_gone (410: the subscriber wants no more),
    webhook_redirected, ledger_unavailable, already_being_sent, and those of http.request."""
    request, signer = await _request(ctx, config)
    book = _Book(ctx, config.url, signer)
    if await book.open():
        return Done({"status": None, "delivery_id": book.row_id})
    try:
        response = await send(ctx, request, signer=signer, max_bytes=MAX_ANSWER_BYTES, redirects=-1)
        _require_taken(ctx, response, request)
    except ActionError as error:
        await book.failed(error)
        raise
    except asyncio.CancelledError:
        await book.close("unknown", "cut_off", "cut off while it was sent")
        raise
    await book.delivered()
    return Done({"status": response.status, "delivery_id": book.row_id})


async def _request(ctx: NodeContext, config: WebhookSendConfig) -> tuple[Outgoing, str]:
    """The signed message, and the id of the credential that signed it."""
    headers = request_headers(config.headers, ctx.idempotency_key)
    taken = next((name for name in headers if name.lower() in _RESERVED), None)
    if taken is not None:
        raise ActionError("invalid_config", f"headers: {taken!r} is set by webhook.send itself; remove it")
    try:
        target = parse_url(config.url)
    except (EgressDenied, InvalidUrl) as error:
        raise ActionError(error.code, f"url: {error.detail}") from None
    body = scalar_text(config.payload, "payload").encode("ascii") if not isinstance(config.payload, str) else _json_text(config.payload)
    timestamp = int(utc_now().timestamp())
    headers |= {"Content-Type": "application/json", "webhook-id": ctx.idempotency_key, "webhook-timestamp": str(timestamp)}
    signer = ""
    if config.secret is not None:
        opened = await borrow(ctx, config.secret.credential, ("webhook_secret",))
        opened.check_host(target.host, target.port)
        signer = opened.id
        headers["webhook-signature"] = signatures(opened.data.keys, ctx.idempotency_key, timestamp, body)
    return Outgoing("POST", config.url, headers, body), signer


def _require_taken(ctx: NodeContext, response: Response, request: Outgoing) -> None:
    origin, status = response.target.origin, response.status
    if status == 410:
        raise ActionError("webhook_gone", f"{origin} answered 410: the subscriber wants no more messages; remove the node or its address")
    if 300 <= status < 400:
        raise ActionError("webhook_redirected", f"{origin} answered {status}; redirects of webhooks are not followed, so give the final address")
    if status >= 400:
        said = ctx.secrets.text(excerpt(response.body, request.url, request.headers))
        message = f"POST {origin} answered {status}" + (f": {said}" if said else "")
        raise ActionError(
            "http_status", message, error_class=f"http.{status}", retry_after=retry_after(response, utc_now()), output={"status": status}
        )


class _Book:
    """The message's row in the delivery ledger."""

    def __init__(self, ctx: NodeContext, url: str, signer: str) -> None:
        self._ctx, self._url, self._signer = ctx, url, signer
        self.row_id = ""

    async def open(self) -> bool:
        """Write that it is about to be sent; True when an earlier attempt has delivered it already. Raises ActionError."""
        accepted = await before_sending(lambda tx: service.accept(tx, self._ctx, "webhook", [self._url], PROVIDER, self._signer))
        earlier = accepted.earlier.get(self._url)
        if earlier is not None and earlier.landed:
            self.row_id = earlier.id
            return True
        if self._url not in accepted.ids:
            raise ActionError("already_failed", "this attempt has failed before")
        self.row_id = accepted.ids[self._url]
        return False

    async def delivered(self) -> None:
        """The subscriber's 2xx says that it has arrived."""
        key = self._ctx.idempotency_key
        await record(self._ctx, lambda tx: repository.hand(tx, self.row_id, PROVIDER, self._signer, key, "delivered"))

    async def failed(self, error: ActionError) -> None:
        """It was refused or not sent, or nobody knows. The subscriber's own words, which may repeat an address that is secret, stay out of the ledger."""
        status = error.output["status"] if isinstance(error.output, dict) else None
        unsure = status in UNSURE_STATUSES or (isinstance(error, CallError) and not error.unsent)
        reason = f"http_{status}" if status else error.code
        detail = f"the subscriber answered {status}" if status else self._ctx.secrets.text(error.message)
        await self.close("unknown" if unsure else "failed", reason, detail)

    async def close(self, status: str, reason: str, detail: str) -> None:
        """Say how it ended."""
        await record(self._ctx, lambda tx: repository.settle(tx, self.row_id, status, reason, detail[: service.MAX_DETAIL]))


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
    output_schema={
        "type": "object",
        "properties": {
            "status": {"type": ["integer", "null"], "description": "What the subscriber answered; null where an earlier attempt, whose answer was lost, had delivered it."},
            "delivery_id": {"type": "string", "description": "Its row in GET /api/deliveries."},
        },
        "required": ["status"],
    },
    example={"url": "https://subscriber.example.com/hooks", "payload": {"type": "order.paid", "data": {"id": "{{ input.id }}"}}, "secret": {"credential": "webhooks"}},
    warn=warn,
)

"""/deliveries: the ledger of messages, what became of each. Providers leave their receipts at /callbacks/deliveries/{token}."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, get_args

from chalicelib.actions.messages import receipts
from chalicelib.api.endpoint import MAX_BODY_BYTES, Call, Routes
from chalicelib.api.models import Answer
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.db import transaction
from chalicelib.core.errors import NotFound, PayloadTooLarge, ValidationFailed
from chalicelib.credentials import service as credentials
from chalicelib.deliveries import repository, service
from chalicelib.deliveries.links import url_of
from chalicelib.identity.roles import EDITOR, VIEWER

routes = Routes("deliveries")

Status = Literal["accepted", "unknown", "delivered", "failed"]


class MessageDelivery(Answer):
    """A message of a node run to one recipient. `accepted` with `handed_at`: the provider has taken it; `unknown`: it may have been sent. Addresses are shortened."""

    id: str
    workflow_id: str
    execution_id: str
    node_id: str
    iteration: str
    attempt: int
    channel: str
    recipient: str
    provider: str
    credential_id: str | None
    message_id: str | None
    status: Status
    reason: str
    detail: str
    tried: list[dict[str, Any]]
    accepted_at: str
    handed_at: str | None
    unknown_at: str | None
    settled_at: str | None


_QUERY: dict[str, dict[str, Any]] = {
    "execution_id": {"type": "string"},
    "workflow_id": {"type": "string"},
    "channel": {"type": "string", "enum": list(service.CHANNELS)},
    "status": {"type": "string", "enum": list(get_args(Status))},
}


@routes.route("GET", "/deliveries", role=VIEWER, answer=MessageDelivery, listing=True, query=_QUERY)
def list_messages(call: Call) -> Reply:
    """List messages, newest first."""
    page = read_page(call.request, "deliveries")
    filters = {name: call.request.first(name) or None for name in _QUERY}
    for name in ("channel", "status"):
        allowed = _QUERY[name]["enum"]
        if filters[name] is not None and filters[name] not in allowed:
            raise ValidationFailed([{"path": f"/{name}", "code": "enum", "message": f"{name} is one of {', '.join(allowed)}"}])
    rows = repository.list_rows(call.connection, call.workspace_id, limit=page.limit + 1, after=page.after, **filters)
    return json_reply(listing(rows, page, "deliveries", lambda row: row["id"], service.show))


class ReceiptsAddress(Answer):
    """Where a provider leaves receipts for what is sent with a credential."""

    url: str
    how: str


class ReceiptsTaken(Answer):
    """How many messages the receipt told something new of."""

    moved: int


@routes.route("GET", "/credentials/{id}/receipts", role=EDITOR, answer=ReceiptsAddress)
def get_receipts_address(call: Call, id: str) -> Reply:
    """Where receipts of SES and SNS are taken: subscribe this address (HTTPS) to the topic. Twilio is told an address with each message."""
    credential = credentials.get(call.connection, call.workspace_id, id)
    if credential["type"] != "aws":
        raise NotFound("receipts by an address of one's own are for credentials of type aws; Twilio is told an address with each message, the others give none")
    url = url_of(credential["id"])
    if url is None:
        raise NotFound("this installation has no MILLRACE_SECRET, without which receipts cannot be taken")
    how = "In SNS, subscribe this address by HTTPS, without raw delivery, to the topic that gets SES's events (delivery, bounce, complaint, reject); it confirms itself."
    return json_reply({"url": url, "how": how})


@routes.route("POST", "/callbacks/deliveries/{token}", role=None, raw=True, answer=ReceiptsTaken, transactional=False)
def take_receipt(call: Call, token: str) -> Reply:
    """Take a provider's receipt: Twilio's status callback, or a message of an SNS topic, verified by the provider's own signature. Told twice, it counts once."""
    if len(call.request.body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"a receipt may have at most {MAX_BODY_BYTES} bytes", limit_bytes=MAX_BODY_BYTES)
    with transaction() as connection:
        to = receipts.addressee(connection, token)
    if to.delivery is not None and to.credential.spec.type == "twilio":
        found = receipts.twilio(to, call.request.headers, call.request.body)
    elif to.delivery is None and to.credential.spec.type == "aws":
        found = asyncio.run(receipts.sns(to, call.request.body))
    else:
        raise NotFound("there is nothing at this path")
    with transaction() as connection:
        return json_reply({"moved": receipts.apply(connection, to, found)})


@routes.route("GET", "/deliveries/{id}", role=VIEWER, answer=MessageDelivery)
def get_message(call: Call, id: str) -> Reply:
    """Read what became of one message."""
    return json_reply(service.get(call.connection, call.workspace_id, id))

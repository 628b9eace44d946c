"""/deliveries: the ledger of messages, what became of each. Providers leave their receipts at /callbacks/deliveries/{token}."""

from __future__ import annotations

from typing import Any, Literal, get_args

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.errors import ValidationFailed
from chalicelib.deliveries import repository, service
from chalicelib.identity.roles import VIEWER

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


@routes.route("GET", "/deliveries/{id}", role=VIEWER, answer=MessageDelivery)
def get_message(call: Call, id: str) -> Reply:
    """Read what became of one message."""
    return json_reply(service.get(call.connection, call.workspace_id, id))

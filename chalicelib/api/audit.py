"""/audit: who changed what. For admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.execution_filter import read_time
from chalicelib.api.models import Answer
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.clock import to_text
from chalicelib.identity import audit
from chalicelib.identity.audit import AuditFilter
from chalicelib.identity.roles import ADMIN

routes = Routes("audit")


class Actor(Answer):
    """Who did it."""

    id: str
    name: str


class AuditEntry(Answer):
    """One change. `fields` are the fields of the request, without what was in them; `hash` is over this entry and the one before."""

    seq: int
    at: str
    actor: Actor
    action: str
    resource: str
    fields: list[str]
    request_id: str
    address: str
    hash: str


class AuditCheck(Answer):
    """Whether the log is what was written. `broken_at` is the first entry that was changed, taken out or cut off."""

    entries: int
    hash: str | None
    intact: bool
    broken_at: int | None


_QUERY = {
    "actor": {"type": "string", "description": "only what this key did"},
    "action": {"type": "string", "description": "only this action, such as publish_workflow"},
    "resource": {"type": "string", "description": "only resources whose path begins so, such as /workflows/wf_"},
    "from": {"type": "string", "format": "date-time"},
    "to": {"type": "string", "format": "date-time"},
}


@routes.route("GET", "/audit", role=ADMIN, answer=AuditEntry, listing=True, query=_QUERY)
def list_audit(call: Call) -> Reply:
    """Who changed what, newest first. An entry is written by the transaction that makes the change. Starting executions is not among them: those are in history."""
    page, first = read_page(call.request, "audit"), call.request.first
    times = (read_time(first("from"), "/from"), read_time(first("to"), "/to"))
    wanted = AuditFilter(first("actor"), first("action"), first("resource"), *times)
    before = int(page.after) if page.after and page.after.isdigit() else None
    rows = audit.list_page(call.connection, call.workspace_id, wanted, before, page.limit)
    return json_reply(listing(rows, page, "audit", lambda row: str(row["seq"]), _shown))


@routes.route("GET", "/audit/check", role=ADMIN, answer=AuditCheck)
def check_audit(call: Call) -> Reply:
    """Compute the chain of hashes again. Keep `entries` and `hash` somewhere else: then even who may change the database cannot rewrite what was before."""
    found = audit.check(call.connection, call.workspace_id)
    return json_reply({**found, "intact": found["broken_at"] is None})


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "at": to_text(row["at"]),
        "actor": {"id": row["actor_id"], "name": row["actor_name"]},
        **{name: row[name] for name in ("action", "resource", "fields", "request_id", "address", "hash")},
    }

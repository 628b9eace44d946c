"""/dead-letters: records that no execution could be made of."""

from __future__ import annotations

from typing import Any

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.clock import utc_now
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import OPERATOR, VIEWER
from chalicelib.triggers import dead_letters as service

routes = Routes("dead letters")


class DeadLetter(Answer):
    """A record that was kept, and why. In lists `record` is null where it is large."""

    id: str
    trigger_id: str
    workflow_id: str
    topic: str
    partition: int
    offset: int
    code: str
    reason: str
    record: dict[str, Any] | None
    created_at: str
    replayed_at: str | None
    execution_id: str | None


@routes.route("GET", "/dead-letters", role=VIEWER, answer=DeadLetter, listing=True, query={"trigger_id": {"type": "string"}})
def list_dead_letters(call: Call) -> Reply:
    """List dead letters, newest first."""
    page = read_page(call.request, "dead-letters")
    trigger_id = call.request.first("trigger_id")
    rows = service.list_dead_letters(
        call.connection, call.workspace_id, limit=page.limit + 1, after=page.after, trigger_id=trigger_id
    )
    return json_reply(listing(rows, page, "dead-letters", lambda row: row["id"], service.show))


@routes.route("GET", "/dead-letters/{id}", role=VIEWER, answer=DeadLetter)
def get_dead_letter(call: Call, id: str) -> Reply:
    """Read one, with its whole record."""
    return json_reply(service.get_dead_letter(call.connection, call.workspace_id, id))


@routes.route("POST", "/dead-letters/{id}/replay", starts=True, role=OPERATOR, body=Model, body_optional=True, answer=DeadLetter)
def replay_dead_letter(call: Call, id: str) -> Reply:
    """Make an execution of the record, with the trigger and the live version of now. However often it is replayed, it becomes at most one."""
    letter = service.replay(call.connection, call.workspace_id, id, now=utc_now())
    call.after_commit.append(wake)
    return json_reply(letter)

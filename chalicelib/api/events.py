"""/events: what happened elsewhere, for the nodes that wait for it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model, Text
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.db import transaction
from chalicelib.engine import events
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import OPERATOR

routes = Routes("events")


class Event(Model):
    """Something that happened."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    payload: Any = Field(default=None, description="Any JSON; `event.payload` in a node's `match`.")
    key: Annotated[Text, Field(min_length=1, max_length=500)] | None = Field(
        None, description="What it is about, such as an order's id. A node that waits for a key hears only events with it."
    )


class Taken(Answer):
    """The event was kept, and so many waiting nodes were told."""

    id: str
    matched: int


@routes.route("POST", "/events", audited=False, starts=True, role=OPERATOR, body=Event, answer=Taken, status=202, transactional=False)
def publish_event(call: Call) -> Reply:
    """Publish an event. Every `wait.event` node of that name (and key) whose `match` is true goes on; one that begins to wait within its `look_back_seconds` finds
    it too."""
    published = events.publish(transaction, call.workspace_id, call.body.name, call.body.key, call.body.payload)
    wake()
    return json_reply({"id": published.id, "matched": published.matched}, 202)

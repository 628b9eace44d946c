"""/me: who the caller is."""

from __future__ import annotations

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer
from chalicelib.api.replies import Reply, json_reply
from chalicelib.identity import service
from chalicelib.identity.roles import VIEWER

routes = Routes("identity")


class KeyShown(Answer):
    """The key that was used."""

    id: str
    name: str


class WorkspaceShown(Answer):
    """Where it belongs."""

    id: str
    slug: str
    name: str


class Me(Answer):
    """Who is calling and what they may do."""

    role: str
    key: KeyShown
    workspace: WorkspaceShown


@routes.route("GET", "/me", role=VIEWER, answer=Me)
def get_me(call: Call) -> Reply:
    """Who the key speaks for: its role and its workspace."""
    assert call.caller is not None
    home = service.workspace(call.connection, call.workspace_id)
    return json_reply(
        {
            "role": call.caller.role,
            "key": {"id": call.caller.key_id, "name": call.caller.name},
            "workspace": {"id": home["id"], "slug": home["slug"], "name": home["name"]},
        }
    )

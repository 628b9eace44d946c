"""/members: the people of a workspace and their roles. For admins. People come with a token of the installation's OpenID provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.authentication import forget
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, created, json_reply, no_content
from chalicelib.core.clock import to_text
from chalicelib.identity import members as service
from chalicelib.identity.roles import ADMIN

routes = Routes("identity")

Role = Literal["viewer", "operator", "editor", "admin"]


class MemberCreate(Model):
    """Whom to let in. The person is known by the address, until they come with a token in which the provider vouches for it."""

    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
    role: Role = "viewer"


class MemberPatch(Model):
    """Another role."""

    role: Role


class Member(Answer):
    """A person with a role. `joined`: they have been here."""

    id: str
    email: str
    role: str
    joined: bool
    created_at: str
    last_seen_at: str | None


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: to_text(row[name]) for name in ("created_at", "last_seen_at")}
    return {"id": row["id"], "email": row["email"], "role": row["role"], "joined": row["joined"], **times}


@routes.route("GET", "/members", role=ADMIN, answer=Member, listing=True)
def list_members(call: Call) -> Reply:
    """List the members of the workspace, newest first."""
    page = read_page(call.request, "members")
    rows = service.list_page(call.connection, call.workspace_id, page.after, page.limit)
    return json_reply(listing(rows, page, "members", lambda row: row["id"], _shown))


@routes.route("POST", "/members", role=ADMIN, body=MemberCreate, answer=Member, status=201)
def add_member(call: Call) -> Reply:
    """Give a person a role in the workspace."""
    row = service.add(call.connection, call.workspace_id, call.body.email, call.body.role)
    return created(_shown(row), f"/members/{row['id']}")


@routes.route("GET", "/members/{id}", role=ADMIN, answer=Member)
def get_member(call: Call, id: str) -> Reply:
    """Read one member."""
    return json_reply(_shown(service.get(call.connection, call.workspace_id, id)))


@routes.route("PATCH", "/members/{id}", role=ADMIN, body=MemberPatch, answer=Member)
def patch_member(call: Call, id: str) -> Reply:
    """Change a member's role, at once (within five seconds where several servers answer)."""
    row = service.change_role(call.connection, call.workspace_id, id, call.body.role)
    call.after_commit.append(lambda: forget(id))
    return json_reply(_shown(row))


@routes.route("DELETE", "/members/{id}", role=ADMIN, status=204)
def remove_member(call: Call, id: str) -> Reply:
    """Take a member's rights in the workspace, at once (within five seconds where several servers answer)."""
    service.remove(call.connection, call.workspace_id, id)
    call.after_commit.append(lambda: forget(id))
    return no_content()

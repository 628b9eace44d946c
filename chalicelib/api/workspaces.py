"""/workspaces: what separates tenants. The installation's operator, who has the bootstrap key, makes them and acts in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.authentication import forget_workspaces
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model, Name, Slug, unset
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, created, json_reply
from chalicelib.core.clock import to_text
from chalicelib.core.errors import Forbidden, ValidationFailed
from chalicelib.identity import workspaces as service
from chalicelib.identity.roles import ADMIN, VIEWER
from chalicelib.identity.service import Caller

routes = Routes("identity")


class WorkspaceCreate(Model):
    """A new workspace."""

    name: Name
    slug: Slug


class WorkspacePatch(Model):
    """The fields to replace."""

    name: Name = unset()
    slug: Slug = unset()


class Workspace(Answer):
    """A workspace."""

    id: str
    slug: str
    name: str
    created_at: str


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row["id"], "slug": row["slug"], "name": row["name"], "created_at": to_text(row["created_at"])}


def _caller(call: Call) -> Caller:
    assert call.caller is not None
    return call.caller


@routes.route("GET", "/workspaces", role=VIEWER, answer=Workspace, listing=True)
def list_workspaces(call: Call) -> Reply:
    """The workspaces in which the caller may act, newest first: for the bootstrap key all of them, for any other key its own."""
    page = read_page(call.request, "workspaces")
    rows = service.list_page(call.connection, _caller(call), page.after, page.limit)
    return json_reply(listing(rows, page, "workspaces", lambda row: row["id"], _shown))


@routes.route("POST", "/workspaces", role=ADMIN, body=WorkspaceCreate, answer=Workspace, status=201)
def create_workspace(call: Call) -> Reply:
    """Make a workspace. Only by the bootstrap key, which then acts in it with the header `Millrace-Workspace`: to make its first API key, for one."""
    if not _caller(call).operator:
        raise Forbidden("only the bootstrap key makes workspaces")
    row = service.create(call.connection, call.body.name, call.body.slug)
    return created(_shown(row), f"/workspaces/{row['id']}")


@routes.route("GET", "/workspaces/{id}", role=VIEWER, answer=Workspace)
def get_workspace(call: Call, id: str) -> Reply:
    """Read a workspace in which the caller may act."""
    return json_reply(_shown(service.get(call.connection, _caller(call), id)))


@routes.route("PATCH", "/workspaces/{id}", role=ADMIN, body=WorkspacePatch, answer=Workspace)
def patch_workspace(call: Call, id: str) -> Reply:
    """Replace the fields given of a workspace whose admin the caller is."""
    fields = call.body.model_dump(include=call.body.model_fields_set)
    if not fields:
        raise ValidationFailed([{"path": "", "code": "missing", "message": "give name or slug"}])
    row = service.patch(call.connection, _caller(call), id, fields)
    call.after_commit.append(forget_workspaces)
    return json_reply(_shown(row))

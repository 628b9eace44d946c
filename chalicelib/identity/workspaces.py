"""Workspaces: made by the installation's operator, seen and changed by those who may act in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.errors import Conflict, Forbidden, NotFound
from chalicelib.core.ids import is_id, new_id
from chalicelib.identity import members, repository
from chalicelib.identity.service import Caller

Row = Mapping[str, Any]


def list_page(connection: Connection, caller: Caller, after: str | None, limit: int) -> Sequence[Row]:
    """The workspaces in which the caller may act, newest first; one more than `limit` when there are more."""
    return repository.workspaces_page(connection, None if caller.operator else caller.workspace_id, caller.subject, after, limit + 1)


def get(connection: Connection, caller: Caller, workspace_id: str) -> Row:
    """One in which the caller may act. Raises NotFound, whether it does not exist or is somebody else's."""
    mine = is_id(workspace_id, "ws") and (caller.operator or workspace_id == caller.workspace_id)
    found = repository.workspace_by_id(connection, workspace_id) if mine else None
    if found is None:
        raise NotFound("there is no workspace of this id")
    return found


def create(connection: Connection, name: str, slug: str) -> Row:
    """Make a workspace. Raises Conflict `slug_taken`."""
    made = repository.insert_workspace(connection, new_id("ws"), name, slug)
    if made is None:
        raise _slug_taken(slug)
    return made


def patch(connection: Connection, caller: Caller, workspace_id: str, fields: Row) -> Row:
    """Replace name, slug or both. Raises NotFound, Conflict `slug_taken`."""
    current = get(connection, caller, workspace_id)
    values = {"id": workspace_id, "name": fields.get("name", current["name"]), "slug": fields.get("slug", current["slug"])}
    changed = repository.update_workspace(connection, values)
    if changed is None:
        raise _slug_taken(values["slug"])
    return changed


def act_in(connection: Connection, caller: Caller, ref: str) -> Caller:
    """The caller as one of the workspace that `ref` names by id or slug. Raises Forbidden where the caller may not act there, or an operator named none that exists."""
    found = repository.workspace_by_ref(connection, ref)
    if found is not None and (caller.operator or found["id"] == caller.workspace_id):
        return replace(caller, workspace_id=found["id"])
    member = members.in_workspace(connection, caller, found["id"]) if found is not None else None
    if member is not None:
        return member
    if caller.operator:
        raise NotFound(f"Millrace-Workspace names no workspace: {ref[:80]!r}")
    raise Forbidden(f"{caller.name!r} may not act in the workspace that Millrace-Workspace names")


def _slug_taken(slug: str) -> Conflict:
    return Conflict(f"there is a workspace with the slug {slug!r} already; choose another", code="slug_taken")

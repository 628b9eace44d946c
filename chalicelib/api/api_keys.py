"""/api-keys: made (and shown once), listed, revoked. For admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from chalicelib.api.authentication import forget
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model, Name
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, created, json_reply, no_content
from chalicelib.core.clock import to_text
from chalicelib.identity import service
from chalicelib.identity.roles import ADMIN

routes = Routes("api keys")


class ApiKeyCreate(Model):
    """A key to make."""

    name: Name
    role: Literal["viewer", "operator", "editor", "admin"] = "operator"


class ApiKey(Answer):
    """A key, without its secret."""

    id: str
    name: str
    role: str
    created_at: str
    last_used_at: str | None
    revoked_at: str | None


class ApiKeyCreated(ApiKey):
    """A new key; `key` is never shown again."""

    key: str


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: to_text(row[name]) for name in ("created_at", "last_used_at", "revoked_at")}
    return {"id": row["id"], "name": row["name"], "role": row["role"], **times}


@routes.route("POST", "/api-keys", role=ADMIN, body=ApiKeyCreate, answer=ApiKeyCreated, status=201)
def create_api_key(call: Call) -> Reply:
    """Make an API key. The answer is the only place where `key` is ever shown: keep it."""
    row, key = service.create_key(call.connection, call.workspace_id, call.body.name, call.body.role)
    return created({**_shown(row), "key": key}, f"/api-keys/{row['id']}")


@routes.route("GET", "/api-keys", role=ADMIN, answer=ApiKey, listing=True)
def list_api_keys(call: Call) -> Reply:
    """List the keys, newest first, revoked ones too."""
    page = read_page(call.request, "api-keys")
    rows = service.list_keys(call.connection, call.workspace_id, page.after, page.limit)
    return json_reply(listing(rows, page, "api-keys", lambda row: row["id"], _shown))


@routes.route("GET", "/api-keys/{id}", role=ADMIN, answer=ApiKey)
def get_api_key(call: Call, id: str) -> Reply:
    """Read one key, without its secret."""
    return json_reply(_shown(service.get_key(call.connection, call.workspace_id, id)))


@routes.route("DELETE", "/api-keys/{id}", role=ADMIN, status=204)
def revoke_api_key(call: Call, id: str) -> Reply:
    """Revoke a key, for good and at once (within five seconds where several servers answer). It stays in the list, with `revoked_at`."""
    service.revoke_key(call.connection, call.workspace_id, id)
    call.after_commit.append(lambda: forget(id))
    return no_content()

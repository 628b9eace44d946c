"""API keys: made, shown once, recognised, revoked.

A key is `mr_<id>_<secret>`. Only HMAC-SHA256 of the secret under MILLRACE_SECRET is stored, so neither the database nor a backup of it opens anything.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.config import DEFAULT_WORKSPACE, settings
from chalicelib.core.errors import NotFound, Unauthenticated, Unavailable
from chalicelib.core.ids import is_id, new_id
from chalicelib.identity import repository
from chalicelib.identity.roles import ADMIN

_TOKEN = re.compile(r"mr_([0-9a-z]{26})_([A-Za-z0-9_-]{40,64})\Z")
_REFUSED = "this API key is not known or has been revoked"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request speaks for. `operator`: of the whole installation, and so allowed in every workspace."""

    key_id: str
    name: str
    role: str
    workspace_id: str
    operator: bool = False
    subject: str | None = None  # of a person: who they are at the OpenID provider


BOOTSTRAP = Caller("bootstrap", "Bootstrap key", ADMIN, DEFAULT_WORKSPACE, operator=True)


def _hash(secret: str) -> str:
    pepper = settings().secret
    if not pepper:
        raise Unavailable("MILLRACE_SECRET is not set; API keys cannot be made or checked without it")
    return hmac.new(pepper.encode(), secret.encode(), hashlib.sha256).hexdigest()


def is_bootstrap(token: str) -> bool:
    """Whether this is MILLRACE_BOOTSTRAP_KEY, compared in constant time."""
    expected = settings().bootstrap_key
    return expected is not None and hmac.compare_digest(token.encode("utf-8", "replace"), expected.encode())


def identify(connection: Connection, token: str) -> Caller:
    """The caller behind an API key, and a note that it was used. Raises Unauthenticated."""
    parts = _TOKEN.match(token)
    if parts is None:
        raise Unauthenticated(_REFUSED)
    found = repository.key_by_id(connection, f"key_{parts[1]}")
    offered = _hash(parts[2])
    if not hmac.compare_digest(offered, found["secret_hash"] if found else "") or found is None or found["revoked_at"] is not None:
        raise Unauthenticated(_REFUSED)
    repository.touch_key(connection, found["id"])
    return Caller(found["id"], found["name"], found["role"], found["workspace_id"])


def create_key(connection: Connection, workspace_id: str, name: str, role: str) -> tuple[Mapping[str, Any], str]:
    """Make a key; returns its row and its text, which nobody can read again."""
    key_id, secret = new_id("key"), secrets.token_urlsafe(32)
    values = {"id": key_id, "workspace_id": workspace_id, "name": name, "role": role, "secret_hash": _hash(secret)}
    return repository.insert_key(connection, values), f"mr_{key_id.removeprefix('key_')}_{secret}"


def list_keys(connection: Connection, workspace_id: str, after: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """Keys of a workspace, newest first; one more than `limit` when there are more."""
    return repository.keys_page(connection, workspace_id, after, limit + 1)


def get_key(connection: Connection, workspace_id: str, key_id: str) -> Mapping[str, Any]:
    """One key. Raises NotFound."""
    found = repository.key_of(connection, workspace_id, key_id) if is_id(key_id, "key") else None
    if found is None:
        raise NotFound("there is no API key of this id")
    return found


def revoke_key(connection: Connection, workspace_id: str, key_id: str) -> None:
    """End a key's life for good. Raises NotFound."""
    if not is_id(key_id, "key") or not repository.revoke_key(connection, workspace_id, key_id):
        raise NotFound("there is no API key of this id")


def workspace(connection: Connection, workspace_id: str) -> Mapping[str, Any]:
    """The workspace a caller belongs to. Raises NotFound."""
    found = repository.workspace_by_id(connection, workspace_id)
    if found is None:
        raise NotFound("the workspace of this key is gone")
    return found

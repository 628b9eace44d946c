"""SQL of access tokens and of consents under way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, run
from chalicelib.credentials.sealing import Sealed

LEASE_SECONDS = 40

# The lease is won only by who saw the present version, and while nobody else holds it: a refresh token is used once.
_LEASE = f"""
INSERT INTO credential_tokens AS t (credential_id, workspace_id, leased_until, lease_owner)
VALUES (%(id)s, %(workspace_id)s, now() + interval '{LEASE_SECONDS} seconds', %(me)s)
ON CONFLICT (credential_id) DO UPDATE SET leased_until = excluded.leased_until, lease_owner = excluded.lease_owner
WHERE t.version = %(seen)s AND (t.leased_until IS NULL OR t.leased_until < now())
RETURNING t.version
"""  # noqa: S608
_STORE = """
UPDATE credential_tokens SET sealed = %(sealed)s, data_key = %(data_key)s, key_id = %(key_id)s, expires_at = %(expires_at)s,
  granted_at = coalesce(granted_at, now()), version = version + 1, leased_until = NULL, lease_owner = NULL, problem = NULL
WHERE credential_id = %(id)s AND lease_owner = %(me)s
"""
_RELEASE = """
UPDATE credential_tokens SET leased_until = NULL, lease_owner = NULL, problem = %(problem)s WHERE credential_id = %(id)s AND lease_owner = %(me)s
"""
_GRANT = """
INSERT INTO credential_tokens AS t (credential_id, workspace_id, version, sealed, data_key, key_id, expires_at, granted_at)
VALUES (%(id)s, %(workspace_id)s, 1, %(sealed)s, %(data_key)s, %(key_id)s, %(expires_at)s, now())
ON CONFLICT (credential_id) DO UPDATE SET sealed = excluded.sealed, data_key = excluded.data_key, key_id = excluded.key_id,
  expires_at = excluded.expires_at, granted_at = now(), version = t.version + 1, leased_until = NULL, lease_owner = NULL, problem = NULL
"""
_FORGET = "DELETE FROM credential_tokens WHERE credential_id = %(id)s"
_CONSENT = """
WITH old AS (DELETE FROM credential_consents WHERE created_at < now() - interval '10 minutes')
INSERT INTO credential_consents (state_hash, credential_id, workspace_id, sealed, data_key, key_id)
VALUES (%(state_hash)s, %(id)s, %(workspace_id)s, %(sealed)s, %(data_key)s, %(key_id)s)
"""
_TAKE_CONSENT = """
DELETE FROM credential_consents WHERE state_hash = %(state_hash)s AND created_at > now() - interval '10 minutes'
RETURNING credential_id, workspace_id, sealed, data_key, key_id
"""


def lease(connection: Connection, workspace_id: str, credential_id: str, seen: int, me: str) -> bool:
    """Win the right to fetch the next token, for LEASE_SECONDS. `seen` is the version held, 0 for none."""
    return row(connection, _LEASE, {"id": credential_id, "workspace_id": workspace_id, "seen": seen, "me": me}) is not None


def store(connection: Connection, credential_id: str, me: str, sealed: Sealed, expires_at: datetime | None) -> bool:
    """Store a token and end the lease; False when the lease is another's by now, or the credential was changed."""
    return run(connection, _STORE, {"id": credential_id, "me": me, "expires_at": expires_at, **_columns(sealed)}) > 0


def release(connection: Connection, credential_id: str, me: str, problem: str | None) -> None:
    """End the lease without a token, saying why."""
    run(connection, _RELEASE, {"id": credential_id, "me": me, "problem": problem})


def grant(connection: Connection, workspace_id: str, credential_id: str, sealed: Sealed, expires_at: datetime | None) -> None:
    """Store the first token of a consent, in place of any before."""
    values = {"id": credential_id, "workspace_id": workspace_id, "expires_at": expires_at, **_columns(sealed)}
    run(connection, _GRANT, values)


def forget(connection: Connection, credential_id: str) -> None:
    """Drop a credential's token."""
    run(connection, _FORGET, {"id": credential_id})


def add_consent(connection: Connection, workspace_id: str, credential_id: str, state_hash: str, sealed: Sealed) -> None:
    """Note a consent under way."""
    run(connection, _CONSENT, {"state_hash": state_hash, "id": credential_id, "workspace_id": workspace_id, **_columns(sealed)})


def take_consent(connection: Connection, state_hash: str) -> Mapping[str, Any] | None:
    """Use up a consent under way; None when there is none, or no longer."""
    return row(connection, _TAKE_CONSENT, {"state_hash": state_hash})


def _columns(sealed: Sealed) -> dict[str, str]:
    return {"sealed": sealed.sealed, "data_key": sealed.data_key, "key_id": sealed.key_id}

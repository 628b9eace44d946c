"""The secrets of a trigger's `auth`, as they are stored: sealed as credentials are, bound to their workspace and trigger.

In the stored config `auth.sealed` stands in the place of the secrets: {fields, sealed, data_key, key_id}. A config written before there was sealing is read
as it is, and sealed when it is written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.jsontext import dumps, loads
from chalicelib.credentials.keys import Keyring, keyring
from chalicelib.credentials.sealing import rewrap, seal, unseal
from chalicelib.triggers.secrets import SEALED, SECRET_FIELDS

_STALE = """
SELECT id, workspace_id, config FROM triggers
WHERE type = 'api' AND config LIKE '%%"key_id":%%' AND config NOT LIKE %(current)s ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
_KEEP = "UPDATE triggers SET config = %(config)s WHERE id = %(id)s"


def context_of(workspace_id: str, trigger_id: str) -> dict[str, str]:
    """What the encryption is bound to."""
    return {"millrace:workspace": workspace_id, "millrace:trigger": trigger_id}


def with_sealed(config: Mapping[str, Any], workspace_id: str, trigger_id: str) -> dict[str, Any]:
    """The config as it is stored. Raises SealFailed when there is no key to seal with."""
    auth = config.get("auth")
    held = {name: auth[name] for name in SECRET_FIELDS if auth.get(name) is not None} if isinstance(auth, Mapping) else {}
    if not held or not isinstance(auth, Mapping):
        return dict(config)
    sealed = asdict(seal(keyring(), held, context_of(workspace_id, trigger_id))) | {"fields": sorted(held)}
    return {**config, "auth": {name: value for name, value in auth.items() if name not in SECRET_FIELDS} | {SEALED: sealed}}


def opened(config: Mapping[str, Any], workspace_id: str, trigger_id: str) -> dict[str, Any]:
    """The config with its secrets, for checking callers only. Raises SealFailed."""
    auth = config.get("auth")
    if not isinstance(auth, Mapping) or SEALED not in auth:
        return dict(config)
    held = unseal(keyring(), auth[SEALED], context_of(workspace_id, trigger_id))
    return {**config, "auth": {name: value for name, value in auth.items() if name != SEALED} | held}


def closed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without its secrets, sealed or not."""
    auth = config.get("auth")
    if not isinstance(auth, Mapping):
        return dict(config)
    return {**config, "auth": {name: value for name, value in auth.items() if name not in (*SECRET_FIELDS, SEALED)}}


def rewrap_batch(connection: Connection, keys: Keyring, limit: int) -> int:
    """Wrap the data keys of at most `limit` triggers that another master key wrapped; returns how many. Raises SealFailed."""
    current = f'%"key_id":{dumps(keys.current.id)}%'
    rows = db.rows(connection, _STALE, {"current": current, "limit": limit})
    for row in rows:
        config = loads(row["config"])
        sealed = config["auth"][SEALED]
        fresh = asdict(rewrap(keys, sealed, context_of(row["workspace_id"], row["id"])))
        config["auth"][SEALED] = {**sealed, **fresh}
        db.run(connection, _KEEP, {"id": row["id"], "config": dumps(config)})
    return len(rows)

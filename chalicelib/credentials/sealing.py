"""Envelope encryption: each credential has a data key of its own, the data key is stored wrapped by a master key.

What is stored is bound to its workspace and id, so that a row copied over another does not open.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.credentials.keys import KEY_BYTES, Keyring, bound_bytes, open_bytes, seal_bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the table holds: the ciphertext, the wrapped data key, and which master key wrapped it."""

    sealed: str
    data_key: str
    key_id: str


def context_of(workspace_id: str, credential_id: str) -> dict[str, str]:
    """What a credential's encryption is bound to."""
    return {"millrace:workspace": workspace_id, "millrace:credential": credential_id}


def seal(keys: Keyring, value: Any, context: Mapping[str, str]) -> Sealed:
    """Seal a JSON value under a new data key."""
    data_key = os.urandom(KEY_BYTES)
    master = keys.current
    sealed = seal_bytes(data_key, json.dumps(value).encode(), bound_bytes(context))
    return Sealed(_text(sealed), _text(master.wrap(data_key, context)), master.id)


def unseal(keys: Keyring, row: Mapping[str, Any], context: Mapping[str, str]) -> Any:
    """The value of a row {sealed, data_key, key_id}. Raises SealFailed."""
    data_key = keys.by_id(row["key_id"]).unwrap(base64.b64decode(row["data_key"]), context)
    return json.loads(open_bytes(data_key, base64.b64decode(row["sealed"]), bound_bytes(context)))


def rewrap(keys: Keyring, row: Mapping[str, Any], context: Mapping[str, str]) -> Sealed:
    """The same row under the present master key; the ciphertext stays as it is."""
    data_key = keys.by_id(row["key_id"]).unwrap(base64.b64decode(row["data_key"]), context)
    master = keys.current
    return Sealed(row["sealed"], _text(master.wrap(data_key, context)), master.id)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")

"""Changing the master key while everything runs: data keys are wrapped anew, in small transactions; what they seal stays as it is.

Until it is done both keys open credentials, so nothing waits and nothing fails. It may be stopped and started again at any time.
"""

from __future__ import annotations

from chalicelib.core.db import transaction
from chalicelib.credentials import repository
from chalicelib.credentials.keys import Keyring
from chalicelib.credentials.sealing import context_of, rewrap

BATCH = 100


def rewrap_all(keys: Keyring, batch: int = BATCH) -> int:
    """Wrap every data key that another master key wrapped; returns how many. It is an edge: each batch is a transaction of its own. Raises SealFailed."""
    done = 0
    for table in repository.TABLES:
        while count := _rewrap_batch(keys, table, batch):
            done += count
    return done


def _rewrap_batch(keys: Keyring, table: str, batch: int) -> int:
    with transaction() as connection:
        rows = repository.stale(connection, table, keys.current.id, batch)
        for row in rows:
            sealed = rewrap(keys, row, context_of(row["workspace_id"], row["id"]))
            repository.rewrap(connection, table, row["id"], sealed.data_key, sealed.key_id)
    return len(rows)

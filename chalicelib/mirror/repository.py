"""SQL of the mirror."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db

_SCHEDULES = """
SELECT id, config, created_at, now() AS now FROM triggers
WHERE type = 'schedule' AND enabled AND next_fire_at IS NOT NULL ORDER BY id
"""


def schedules(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """Every schedule that has something ahead of it: id, config, created_at, and the database's now."""
    return db.rows(connection, _SCHEDULES)

"""Windows in which items are collected for one message. One is open for a key at a time, which the database sees to; an item joins one window, once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps

MAX_ITEM_BYTES = 65_536
KEPT_DAYS = 30

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(workspace_id)s || '/' || %(workflow_id)s || '/' || %(node_id)s || '/' || %(key)s, 0))"
_MINE = """
SELECT d.*, d.closes_at <= now() AS over FROM digest_items i JOIN digests d ON d.id = i.digest_id WHERE i.idempotency_key = %(idempotency_key)s
"""
_OPEN = """
SELECT d.*, (SELECT count(*) FROM digest_items i WHERE i.digest_id = d.id) AS n, d.closes_at <= now() AS over FROM digests d
WHERE workspace_id = %(workspace_id)s AND workflow_id = %(workflow_id)s AND node_id = %(node_id)s AND key = %(key)s AND closed_at IS NULL
"""
_NEW = """
INSERT INTO digests (workspace_id, id, workflow_id, node_id, key, opened_by, closes_at)
VALUES (%(workspace_id)s, %(id)s, %(workflow_id)s, %(node_id)s, %(key)s, %(idempotency_key)s, now() + make_interval(secs => %(seconds)s)) RETURNING *
"""
_ADD = "INSERT INTO digest_items (digest_id, idempotency_key, item, at) VALUES (%(id)s, %(idempotency_key)s, %(item)s, clock_timestamp())"
_CLOSE = "UPDATE digests SET closed_at = coalesce(closed_at, now()) WHERE id = %(id)s RETURNING *"
_ITEMS = "SELECT item FROM digest_items WHERE digest_id = %(id)s ORDER BY at, idempotency_key"
_FORGET = "DELETE FROM digests WHERE id IN (SELECT id FROM digests WHERE closed_at < now() - make_interval(days => %(days)s) LIMIT 100)"


class ItemTooLarge(Exception):
    """An item past MAX_ITEM_BYTES."""


@dataclass(frozen=True, slots=True)
class Joining:
    """Who joins: a node run, by its idempotency key."""

    workspace_id: str
    workflow_id: str
    node_id: str
    key: str
    idempotency_key: str
    seconds: float
    max_items: int


@dataclass(frozen=True, slots=True)
class Open:
    """The window is open until an instant; `mine`: this run opened it, and is to wait for its end."""

    id: str
    until: datetime
    mine: bool


@dataclass(frozen=True, slots=True)
class Over:
    """The window this run opened is over, and closed for ever: its items, in order."""

    id: str
    opened_at: datetime
    closed_at: datetime
    items: list[Any]


def join(connection: Connection, me: Joining, item: Any) -> Open | Over:
    """Join the key's open window, or open one; said again, it is the same. Who opened it, and comes when it is over, closes it and gets the items.

    Raises ItemTooLarge.
    """
    params = {name: getattr(me, name) for name in ("workspace_id", "workflow_id", "node_id", "key", "idempotency_key", "seconds")}
    db.rows(connection, _LOCK, params)
    window = db.row(connection, _MINE, params)
    if window is None:
        window = _enter(connection, me, params, item)
    mine = window["opened_by"] == me.idempotency_key
    if not (mine and window["over"]):
        return Open(window["id"], window["closes_at"], mine)
    closed = db.rows(connection, _CLOSE, {"id": window["id"]})[0]
    items = [json.loads(row["item"]) for row in db.rows(connection, _ITEMS, {"id": window["id"]})]
    return Over(closed["id"], closed["opened_at"], closed["closed_at"], items)


def _enter(connection: Connection, me: Joining, params: dict[str, Any], item: Any) -> Any:
    text = dumps(item)
    if len(text) > MAX_ITEM_BYTES:
        raise ItemTooLarge(f"an item may have at most {MAX_ITEM_BYTES} bytes, this one has {len(text)}; collect an id in its place")
    window: Any = db.row(connection, _OPEN, params)
    if window is not None and (window["over"] or window["n"] >= me.max_items):
        # Its time is up, though whoever opened it has not come yet; it takes nothing more, and its opener finds it by its own item.
        db.rows(connection, _CLOSE, {"id": window["id"]})
        window = None
    if window is None:
        db.run(connection, _FORGET, {"days": KEPT_DAYS})
        window = {**db.rows(connection, _NEW, {**params, "id": new_id("dig")})[0], "over": False}
    db.run(connection, _ADD, {"id": window["id"], "idempotency_key": me.idempotency_key, "item": text})
    return window

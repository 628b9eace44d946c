"""What the entrances keep for a while only, and its end. The tick calls it, a little at a time."""

from __future__ import annotations

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.triggers import captures, deliveries

# How long a signed message could be sent again is at most a day (the longest tolerance) in both directions.
_SIGNATURES = """
DELETE FROM trigger_signatures WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM trigger_signatures WHERE seen_at < now() - interval '49 hours' ORDER BY seen_at LIMIT %(limit)s))
"""
_DEBOUNCES = """
DELETE FROM trigger_debounces WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM trigger_debounces WHERE due_at < now() - interval '1 hour' ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
"""
LEDGERS_KEPT_DAYS = 90
_DEAD_LETTERS = """
DELETE FROM dead_letters WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM dead_letters WHERE created_at < now() - make_interval(days => %(days)s) ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
"""
# The newest line of each trigger stays: it says since when the trigger is as it is.
_HEALTH = """
DELETE FROM trigger_health WHERE ctid = ANY (ARRAY(
  SELECT h.ctid FROM trigger_health h WHERE h.at < now() - make_interval(days => %(days)s)
    AND EXISTS (SELECT 1 FROM trigger_health n WHERE n.trigger_id = h.trigger_id AND n.id > h.id)
  ORDER BY h.at LIMIT %(limit)s))
"""


def forget_old(connection: Connection, limit: int) -> int:
    """Delete at most `limit` rows of each kind that nothing needs any more; returns the largest count, so that `limit` means: there is more."""
    captures.forget_old(connection)
    return max(
        deliveries.forget_old(connection, limit),
        db.run(connection, _SIGNATURES, {"limit": limit}),
        db.run(connection, _DEBOUNCES, {"limit": limit}),
        db.run(connection, _DEAD_LETTERS, {"days": LEDGERS_KEPT_DAYS, "limit": limit}),
        db.run(connection, _HEALTH, {"days": LEDGERS_KEPT_DAYS, "limit": limit}),
    )

"""Forgetting history, and the ledger of its messages with it: months dropped, and rows deleted where a month must stay. Nothing live is ever
touched, nor what something live still reads.

Keys that make duplicate deliveries start nothing are in a table of their own and outlive this. The tick calls it, a little at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.config import settings
from chalicelib.core.ids import bound
from chalicelib.core.jsontext import loads
from chalicelib.core.logging import logger
from chalicelib.engine.retention import Expired, Keep, Month, Over, plan

LOCK_TIMEOUT = "1s"  # dropping locks the whole table for a moment: better later than behind a long transaction, with everybody else behind it
HOURLY_MINUTE = 11  # what reads much is done once an hour: whole months, and quotas

_KEEP = """
SELECT w.id, d.body FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
JOIN definitions d ON d.id = v.definition_id WHERE strpos(d.body, '"retention_') > 0 ORDER BY w.id
"""

_MONTHS = """
SELECT DISTINCT right(c.relname, 7) AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('executions'::regclass, 'node_runs'::regclass) AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' ORDER BY 1
"""

# One look into an index for each workflow, however many executions a month has.
_WORKFLOWS = """
WITH RECURSIVE found AS (
  (SELECT workflow_id FROM {table} ORDER BY workflow_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.workflow_id FROM {table} e WHERE e.workflow_id > found.workflow_id ORDER BY e.workflow_id LIMIT 1) FROM found
  WHERE found.workflow_id IS NOT NULL
)
SELECT workflow_id FROM found WHERE workflow_id IS NOT NULL
"""

# What keeps a month: an execution that has not ended or ended too lately, one whose parent may still read its result, and ends that are not counted or told yet.
_NEEDED = """
SELECT EXISTS (SELECT 1 FROM wakes WHERE execution_id >= %(from)s AND execution_id < %(to)s)
    OR EXISTS (SELECT 1 FROM wakes w JOIN executions e ON e.parent_id = w.execution_id WHERE e.id >= %(from)s AND e.id < %(to)s)
    OR EXISTS (SELECT 1 FROM executions WHERE id >= %(from)s AND id < %(to)s AND (status = 'queued' OR finished_at >= %(before)s))
    OR EXISTS (SELECT 1 FROM facts WHERE subject >= %(from)s AND subject < %(to)s)
    OR EXISTS (SELECT 1 FROM endings WHERE execution_id >= %(from)s AND execution_id < %(to)s) AS needed
"""

_FREE = """NOT EXISTS (SELECT 1 FROM wakes w WHERE w.execution_id = e.parent_id)
  AND NOT EXISTS (SELECT 1 FROM facts f WHERE f.subject = e.id) AND NOT EXISTS (SELECT 1 FROM endings n WHERE n.execution_id = e.id)"""

# Ids carry the time at which an execution was made, which is never later than its end.
_OLD = f"""
SELECT e.id FROM {{table}} e
WHERE e.workflow_id = %(workflow_id)s AND e.id < %(bound)s AND e.status <> 'queued' AND e.finished_at < %(before)s AND {_FREE}
ORDER BY e.id LIMIT %(limit)s
"""  # noqa: S608

# The newest stay, as far as the bytes go: what a quota keeps bounds what this reads. Sizes are those of the JSON, which compression on disk only makes smaller.
_BEYOND = f"""
WITH sized AS (
  SELECT e.id, e.parent_id, e.status, octet_length(e.trigger) + octet_length(e.input) + coalesce(octet_length(e.output), 0) + coalesce(octet_length(e.error), 0)
    + coalesce((SELECT sum(coalesce(octet_length(n.input), 0) + coalesce(octet_length(n.output), 0) + coalesce(octet_length(n.error), 0)
        + coalesce(octet_length(n.console), 0)) FROM node_runs n WHERE n.execution_id = e.id), 0) AS bytes
  FROM executions e WHERE e.workflow_id = %(workflow_id)s
), summed AS (
  SELECT *, sum(bytes) OVER (ORDER BY id DESC) AS total FROM sized
)
SELECT e.id FROM summed e WHERE e.total > %(bytes)s AND e.status <> 'queued' AND {_FREE} ORDER BY e.id LIMIT %(limit)s
"""  # noqa: S608

# A bucket in which nothing lies that could still put a turn off is as good as none.
_UNUSED_BUCKETS = "DELETE FROM rate_buckets WHERE turns[cardinality(turns)] < now() - make_interval(secs => per)"

Transaction = Callable[[], AbstractContextManager[Connection]]


def forget(transaction: Transaction, limit: int, *, hourly: bool | None = None) -> int:
    """Delete at most `limit` executions whose time is over, with their node runs; once an hour (`hourly`; None: by the clock) also drop the months that are over and
    enforce quotas. Returns how many executions were deleted."""
    with transaction() as connection:
        found = db.row(connection, "SELECT now() AS now")
        assert found is not None
        now: datetime = found["now"]
        keep = _keeps(connection)
        wanted = plan(_months(connection, now), keep, settings().retention_days, now)
    whole = hourly if hourly is not None else now.minute == HOURLY_MINUTE
    for over in wanted.drop if whole else ():
        _drop(transaction, over)
    done = 0
    for expired in wanted.delete:
        if done < limit:
            with transaction() as connection:
                done += _delete_expired(connection, expired, limit - done)
    if whole:
        done += _enforce_quotas(transaction, keep, limit - done)
        with transaction() as connection:
            db.run(connection, _UNUSED_BUCKETS)
    return done


def _keeps(connection: Connection) -> dict[str, Keep]:
    found = {row["id"]: loads(row["body"]).get("settings", {}) for row in db.rows(connection, _KEEP)}
    return {own_id: Keep(each.get("retention_days"), each.get("retention_bytes")) for own_id, each in found.items()}


def _months(connection: Connection, now: datetime) -> list[Month]:
    """The months that have begun, and what stands outside all of them."""
    found = [Month(None, datetime(1970, 1, 1, tzinfo=UTC), now, ())]
    for row in db.rows(connection, _MONTHS):
        year, month = (int(part) for part in row["name"].split("_"))
        begins = datetime(year, month, 1, tzinfo=UTC)
        if begins <= now:
            found.append(Month(row["name"], begins, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC), ()))
    return [replace(month, workflows=_workflows(connection, month)) for month in found]


def _table(month: Month, of: str = "executions") -> str:
    name = month.name or "rest"
    assert re.fullmatch(r"rest|[0-9]{4}_[0-9]{2}", name)
    return f"{of}_{name}"


def _there(connection: Connection, table: str) -> bool:
    found = db.row(connection, "SELECT to_regclass(%(table)s) IS NOT NULL AS there", {"table": table})
    return found is not None and bool(found["there"])


def _workflows(connection: Connection, month: Month) -> tuple[str, ...]:
    table = _table(month)
    if not _there(connection, table):
        return ()
    return tuple(row["workflow_id"] for row in db.rows(connection, _WORKFLOWS.format(table=table)))


def _drop(transaction: Transaction, over: Over) -> None:
    """Drop a month's history, unless something in it is needed. Node runs first, in a transaction of their own, so that no two tables are locked at once: a save
    locks them too. What a crash leaves of it the next time finds."""
    month = over.month
    ids = {"from": bound("exe", month.begins), "to": bound("exe", month.ends), "before": over.before}
    for of in ("node_runs", "executions"):
        with transaction() as connection:
            found = db.row(connection, _NEEDED, ids)
            if found is None or found["needed"]:
                return
            db.run(connection, f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            db.run(connection, f"DROP TABLE IF EXISTS {_table(month, of)}")
            db.run(connection, "DELETE FROM execution_moves WHERE execution_id >= %(from)s AND execution_id < %(to)s", ids)
            db.run(connection, "DELETE FROM deliveries WHERE execution_id >= %(from)s AND execution_id < %(to)s", ids)
    logger("retention").info("history dropped", extra={"month": month.name})


def _delete_expired(connection: Connection, expired: Expired, limit: int) -> int:
    params = {"workflow_id": expired.workflow_id, "before": expired.before, "bound": bound("exe", expired.before), "limit": limit}
    return _delete(connection, [row["id"] for row in db.rows(connection, _OLD.format(table=_table(expired.month)), params)])


def _enforce_quotas(transaction: Transaction, keep: dict[str, Keep], limit: int) -> int:
    done = 0
    for workflow_id, asked in keep.items():
        if asked.bytes is not None and done < limit:
            with transaction() as connection:
                params = {"workflow_id": workflow_id, "bytes": asked.bytes, "limit": limit - done}
                done += _delete(connection, [row["id"] for row in db.rows(connection, _BEYOND, params)])
    return done


def _delete(connection: Connection, ids: list[str]) -> int:
    for table, column in (("execution_moves", "execution_id"), ("deliveries", "execution_id"), ("node_runs", "execution_id"), ("executions", "id")):
        if ids:
            db.run(connection, f"DELETE FROM {table} WHERE {column} = ANY(%(ids)s)", {"ids": ids})  # noqa: S608
    return len(ids)

"""Running an ended execution again from some node on, as a new execution: what is kept of the old one, decided purely, and the copying of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db

_LATEST = """
SELECT DISTINCT ON (node_id) node_id, type, status, port FROM node_runs WHERE execution_id = %(id)s AND iteration = '' ORDER BY node_id, attempt DESC
"""

_COPY = """
INSERT INTO node_runs (execution_id, node_id, iteration, attempt, workspace_id, type, status, port, input, output, error,
  started_seq, finished_seq, started_at, finished_at, wake_at, console)
SELECT %(new)s, node_id, iteration, attempt, workspace_id, type, status, port, input, output, error,
  started_seq, finished_seq, started_at, finished_at, wake_at, console
FROM node_runs WHERE execution_id = %(old)s AND iteration = '' AND node_id = ANY(%(nodes)s)
"""

_ORIGIN = """
SELECT definition_id, version, trigger, input, coalesce(key_origin, id) AS key_origin, workflow_id, status, error
FROM executions WHERE id = %(id)s AND workspace_id = %(workspace_id)s AND part IS NULL
"""


def kept_nodes(
    definition: Mapping[str, Any], latest: Iterable[Mapping[str, Any]], first: str | None, undone: Collection[str] = ()
) -> set[str]:
    """Ids of nodes whose runs the new execution takes over: all that came to an end which counts, without what runs again.

    What runs again is `first`, or else every node that failed with nobody taking its error or was cut off, and whatever follows one of those. A node that the
    definition no longer has, or has as another type, is not kept; nor is what was undone, nor what undid it.
    """
    types = {node["id"]: node["type"] for node in definition["nodes"]}
    counted = {run["node_id"]: _counts(run) for run in latest if types.get(run["node_id"]) == run["type"]}
    again = {first} if first is not None else {node_id for node_id, counts in counted.items() if not counts}
    again |= set(undone) | {node["undo"] for node in definition["nodes"] if node.get("undo")}
    return {node_id for node_id, counts in counted.items() if counts} - _with_followers(definition, again)


def _counts(run: Mapping[str, Any]) -> bool:
    """Whether edges follow from this end."""
    return run["status"] in ("succeeded", "skipped") or (run["status"] == "failed" and run["port"] is not None)


def _with_followers(definition: Mapping[str, Any], node_ids: set[str]) -> set[str]:
    found, pending = set(node_ids), list(node_ids)
    while pending:
        source = pending.pop()
        for edge in definition.get("edges", ()):
            if edge["from"] == source and edge["to"] not in found:
                found.add(edge["to"])
                pending.append(edge["to"])
    return found


def read_origin(connection: Connection, workspace_id: str, execution_id: str) -> Mapping[str, Any] | None:
    """What the new execution begins from: the old one's definition, version, trigger, input and key origin."""
    return db.row(connection, _ORIGIN, {"id": execution_id, "workspace_id": workspace_id})


def latest_runs(connection: Connection, execution_id: str) -> Sequence[Mapping[str, Any]]:
    """The newest attempt of each node: node_id, type, status, port."""
    return db.rows(connection, _LATEST, {"id": execution_id})


def copy_runs(connection: Connection, old: str, new: str, node_ids: set[str]) -> int:
    """Give the new execution the old one's runs of these nodes, all attempts; in the transaction that starts it. Returns how many rows."""
    return db.run(connection, _COPY, {"old": old, "new": new, "nodes": sorted(node_ids)}) if node_ids else 0

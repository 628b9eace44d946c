"""The questions analytics answers: figures of a span and of the one before it, their course over time, and who stands out. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from chalicelib.analytics import deliveries as ledger
from chalicelib.analytics import entrances, repository, trigger_table
from chalicelib.analytics.histogram import seconds_of
from chalicelib.analytics.periods import Span, span_for, steps_for
from chalicelib.analytics.repository import EXECUTION_GROUPS, NODE_GROUPS, Scope
from chalicelib.core.clock import to_text
from chalicelib.core.errors import NotFound, ValidationFailed
from chalicelib.registry.catalogue import catalogue

STATUSES = ("succeeded", "failed", "cancelled")
GROUPS = (*EXECUTION_GROUPS, *NODE_GROUPS)
TOP = 10
Sort = Literal["total", "failed", "slowest", "retries"]


def figures(row: Mapping[str, Any] | None) -> dict[str, Any]:
    """The figures of one row of the repository, None for nothing: counts, success rate, and durations in seconds of what succeeded or failed.

    The success rate is succeeded / (succeeded + failed): cancelling is nobody's failure. None when there was neither.
    """
    found = row or dict.fromkeys(("total", *STATUSES, "retries"), 0)
    judged = found["succeeded"] + found["failed"]
    return {
        **{name: found[name] for name in ("total", *STATUSES, "retries")},
        "success_rate": found["succeeded"] / judged if judged else None,
        "mean": found["milliseconds"] / judged / 1000 if judged else None,
        **{name: seconds_of(found[name]) if judged else None for name in ("p50", "p95", "p99")},
    }


def summary(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """Figures of the span and of the one before it, what is alive now, schedules' punctuality, and how far behind the rollups are."""
    span = span_for(start, end, now)
    earlier = span.before(now)
    return {
        **_bounds(span),
        **_whole(connection, scope, span),
        "previous": {**_bounds(earlier), **_whole(connection, scope, earlier)},
        "nodes": figures(_only(repository.nodes(connection, scope, span))),
        "queue": dict(repository.queue(connection, scope)),
        "kafka": trigger_table.kafka_now(connection, scope),
        "freshness": dict(repository.pending(connection)),
    }


def _whole(connection: Connection, scope: Scope, span: Span) -> dict[str, Any]:
    came = entrances.outcomes(entrances.read(connection, scope, span))
    schedules = {name: came[name] for name in (*entrances.PLANNED, "lateness")}
    skipped = {row["reason"]: row["count"] for row in came["reasons"] if row["outcome"] == "skipped"}
    turned_away = {name: came[name] for name in entrances.TURNED_AWAY}
    return {
        "executions": figures(_only(repository.executions(connection, scope, span))),
        "schedules": {**schedules, "skipped_because": skipped},
        "turned_away": {**turned_away, "reasons": [row for row in came["reasons"] if row["outcome"] != "skipped"]},
    }


def timeseries(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime, step: str | None) -> dict[str, Any]:
    """One point for every step of the span, also where nothing ended. Raises ValidationFailed for a step that does not fit."""
    try:
        span = steps_for(start, end, now, step)
    except ValueError as error:
        raise ValidationFailed([{"path": "/bucket", "code": "out_of_range", "message": str(error)}]) from error
    by_point = {row["key"]: row for row in repository.execution_series(connection, scope, span)}
    points = (span.at(index) for index in range(span.points))
    items = [{"at": to_text(at), **_without_retries(figures(by_point.get(at)))} for at in points]
    return {**_bounds(span), "bucket_seconds": int(span.step.total_seconds()), "items": items}


def breakdown(
    connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime, by: str, sort: Sort, limit: int, *, compare: bool = False
) -> dict[str, Any]:
    """Figures of each workflow, version, trigger, label, error, node, node type or node error, the most, most failing, slowest or most retried first.

    With `compare` each item has `previous`: the figures of the same group in the span before.
    """
    span = span_for(start, end, now)
    read = repository.nodes if by in NODE_GROUPS else repository.executions
    rows = [row for row in read(connection, scope, span, by) if row["key"] and not row["key"].endswith(":")]  # the others failed with no error
    ranked = sorted(((row["key"], {**_named(by, row["key"], row["type"]), **figures(row)}) for row in rows), key=lambda pair: _rank(pair[1], sort), reverse=True)
    items = dict(ranked[:limit])
    if compare:
        before = {row["key"]: row for row in read(connection, scope, span.before(now), by)}
        for key, item in items.items():
            item["previous"] = figures(before.get(key))
    _add_names(connection, scope.workspace_id, list(items.values()))
    return {**_bounds(span), "by": by, "items": list(items.values())}


def triggers(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """Each trigger: figures of what it started, what came and started nothing (with the reasons), a schedule's lateness, Kafka's lag now. The busiest first."""
    span = span_for(start, end, now)
    before = {row["key"]: row for row in repository.executions(connection, scope, span.before(now), "trigger")}
    items = []
    for item in trigger_table.table(connection, scope, span):
        came, ended = item.pop("outcomes"), item.pop("executions")
        items.append({**item, **figures(ended), "previous": figures(before.get(item["trigger_id"])), **came})
    items.sort(key=lambda item: (item["total"] + sum(item[name] for name in (*entrances.PLANNED, *entrances.TURNED_AWAY)), item["trigger_id"]), reverse=True)
    del items[TOP * 20 :]
    _add_names(connection, scope.workspace_id, items)
    return {**_bounds(span), "items": items}


def workflow(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """Everything about one workflow: its summary, its course, its nodes, versions and errors. Raises NotFound."""
    if not repository.workflow_names(connection, scope.workspace_id, [scope.workflow_id or ""]):
        raise NotFound("there is no workflow of this id")
    parts = {
        name: breakdown(connection, scope, start, end, now, by, "failed" if by.endswith("error") else "total", TOP * 5)["items"]
        for name, by in (("nodes", "node"), ("versions", "version"), ("triggers", "trigger"), ("errors", "error"), ("node_errors", "node_error"))
    }
    return {
        "workflow_id": scope.workflow_id,
        **summary(connection, scope, start, end, now),
        "series": timeseries(connection, scope, start, end, now, None),
        **parts,
    }


def deliveries(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """Messages by channel and provider, from the ledger's facts, and under `nodes` the node runs of the types that notify."""
    span = span_for(start, end, now)
    notifying = {entry["type"] for entry in catalogue().describe() if entry["kind"] == "notify"}
    rows = sorted(repository.nodes(connection, scope, span, "type", sorted(notifying)), key=lambda row: row["key"])
    runs = [{"channel": row["key"].partition(".")[0], "type": row["key"], **figures(row)} for row in rows]
    return {**_bounds(span), "items": ledger.by_provider(ledger.read(connection, scope, span)), "nodes": runs}


def _bounds(span: Span) -> dict[str, Any]:
    return {"from": to_text(span.start), "to": to_text(span.end)}


def _only(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return rows[0] if rows else None


def _without_retries(found: dict[str, Any]) -> dict[str, Any]:
    """Retries are counted by node."""
    return {name: value for name, value in found.items() if name != "retries"}


def _rank(item: Mapping[str, Any], sort: Sort) -> tuple[float, float]:
    ranks = {"total": item["total"], "failed": item["failed"], "slowest": item["p95"] or 0.0, "retries": item["retries"]}
    return (ranks[sort], item["total"])


def _named(by: str, key: str, kind: str) -> dict[str, Any]:
    """The group's key taken apart: ids hold no colon."""
    if by in ("version", "node", "node_error"):
        workflow_id, _, rest = key.partition(":")
        first, _, error = rest.partition(":")
        inner = {"version": int(first) or "draft"} if by == "version" else {"node_id": first, "type": kind}
        return {"workflow_id": workflow_id, **inner, **({"error": error} if by == "node_error" else {})}
    return {"workflow_id" if by == "workflow" else "trigger_id" if by == "trigger" else by: key}


def _add_names(connection: Connection, workspace_id: str, items: list[dict[str, Any]]) -> None:
    ids = {item["workflow_id"] for item in items if item.get("workflow_id")}
    if ids:
        names = repository.workflow_names(connection, workspace_id, sorted(ids))
        for item in items:
            item["workflow_name"] = names.get(item.get("workflow_id") or "")

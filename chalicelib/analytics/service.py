"""The questions analytics answers: figures of a span and of the one before it, their course over time, and who stands out. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from chalicelib.analytics import repository
from chalicelib.analytics.histogram import percentile
from chalicelib.analytics.periods import Span, span_for, steps_for
from chalicelib.analytics.repository import EXECUTION_GROUPS, NODE_GROUPS, Scope
from chalicelib.core.clock import to_text
from chalicelib.core.errors import ValidationFailed
from chalicelib.registry.catalogue import catalogue

STATUSES = ("succeeded", "failed", "cancelled")
GROUPS = (*EXECUTION_GROUPS, *NODE_GROUPS)
TOP = 10
Sort = Literal["total", "failed", "slowest", "retries"]


def figures(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of rows of status, slot, n (and milliseconds, retries): counts, success rate, and durations in seconds of what succeeded or failed.

    The success rate is succeeded / (succeeded + failed): cancelling is nobody's failure. None when there was neither.
    """
    counts = dict.fromkeys(STATUSES, 0)
    histogram: dict[int, int] = defaultdict(int)
    milliseconds, retries = 0.0, 0
    for row in rows:
        counts[row["status"]] += row["n"]
        retries += row.get("retries") or 0
        if row["status"] != "cancelled":
            histogram[row["slot"]] += row["n"]
            milliseconds += row.get("milliseconds") or 0.0
    judged = counts["succeeded"] + counts["failed"]
    return {
        "total": sum(counts.values()),
        **counts,
        "retries": retries,
        "success_rate": counts["succeeded"] / judged if judged else None,
        "mean": milliseconds / judged / 1000 if judged else None,
        "p50": percentile(histogram, 0.50),
        "p95": percentile(histogram, 0.95),
        "p99": percentile(histogram, 0.99),
    }


def summary(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """Figures of the span and of the one before it, what is alive now, schedules' punctuality, and how far behind the rollups are."""
    span = span_for(start, end, now)
    return {
        **_bounds(span),
        "executions": figures(repository.execution_slots(connection, scope, span)),
        "previous": {**_bounds(span.before()), "executions": figures(repository.execution_slots(connection, scope, span.before()))},
        "nodes": figures(repository.node_groups(connection, _of_nodes(scope), span, "type")),
        "queue": dict(repository.queue(connection, scope)),
        "schedules": _punctuality(repository.occurrences(connection, scope, span.start, span.end)),
        "freshness": dict(repository.pending(connection)),
    }


def timeseries(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime, step: str | None) -> dict[str, Any]:
    """One point for every step of the span, also where nothing ended. Raises ValidationFailed for a step that does not fit."""
    try:
        span = steps_for(start, end, now, step)
    except ValueError as error:
        raise ValidationFailed([{"path": "/bucket", "code": "out_of_range", "message": str(error)}]) from error
    by_point: dict[datetime, list[Mapping[str, Any]]] = defaultdict(list)
    for row in repository.execution_series(connection, scope, span):
        by_point[row["at"]].append(row)
    points = (span.at(index) for index in range(span.points))
    items = [{"at": to_text(at), **_without_sums(figures(by_point.get(at, ())))} for at in points]
    return {**_bounds(span), "bucket_seconds": int(span.step.total_seconds()), "items": items}


def breakdown(
    connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime, by: str, sort: Sort, limit: int
) -> dict[str, Any]:
    """Figures of each workflow, version, trigger, label, error, node, node type or node error, the most, most failing, slowest or most retried first."""
    span = span_for(start, end, now)
    if by in NODE_GROUPS:
        rows = repository.node_groups(connection, _of_nodes(scope), span, by)
    else:
        rows = repository.execution_groups(connection, scope, span, by)
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["key"] and not (by == "node_error" and row["key"].endswith(":")):
            groups[row["key"]].append(row)
    items = [{**_named(by, key, rows), **figures(rows)} for key, rows in groups.items()]
    items = sorted(items, key=lambda item: _rank(item, sort), reverse=True)[:limit]
    _add_names(connection, scope.workspace_id, items)
    return {**_bounds(span), "by": by, "items": items}


def workflow(connection: Connection, scope: Scope, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """Everything about one workflow: its summary, its course, its nodes, versions and errors."""
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
    """Messages by channel: node runs of the types that notify. `sent` counts what a provider accepted."""
    span = span_for(start, end, now)
    notifying = {entry["type"] for entry in catalogue().describe() if entry["kind"] == "notify"}
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in repository.node_groups(connection, _of_nodes(scope), span, "type"):
        if row["key"] in notifying:
            groups[row["key"]].append(row)
    items = []
    for kind in sorted(groups):
        found = figures(groups[kind])
        items.append({"channel": kind.partition(".")[0], "type": kind, "sent": found["succeeded"], **found})
    return {**_bounds(span), "items": items}


def _bounds(span: Span) -> dict[str, Any]:
    return {"from": to_text(span.start), "to": to_text(span.end), "level": span.level}


def _of_nodes(scope: Scope) -> Scope:
    return replace(scope, version=None, trigger_id=None)


def _without_sums(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in ("mean", "retries")}


def _rank(item: Mapping[str, Any], sort: Sort) -> tuple[float, float]:
    ranks = {"total": item["total"], "failed": item["failed"], "slowest": item["p95"] or 0.0, "retries": item["retries"]}
    return (ranks[sort], item["total"])


def _named(by: str, key: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The group's key taken apart: ids hold no colon."""
    if by in ("version", "node", "node_error"):
        workflow_id, _, rest = key.partition(":")
        first, _, error = rest.partition(":")
        inner = {"version": int(first) or "draft"} if by == "version" else {"node_id": first, "type": rows[0]["type"]}
        return {"workflow_id": workflow_id, **inner, **({"error": error} if by == "node_error" else {})}
    return {"workflow_id" if by == "workflow" else "trigger_id" if by == "trigger" else by: key}


def _add_names(connection: Connection, workspace_id: str, items: list[dict[str, Any]]) -> None:
    ids = {item["workflow_id"] for item in items if "workflow_id" in item}
    if ids:
        names = repository.workflow_names(connection, workspace_id, sorted(ids))
        for item in items:
            item["workflow_name"] = names.get(item.get("workflow_id", ""))


def _punctuality(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Planned instants by outcome, the reasons of those skipped, and lateness in seconds: the worst of the groups' percentiles."""
    counts = dict.fromkeys(("fired", "late", "skipped"), 0)
    reasons: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row["outcome"]] += row["n"]
        if row["outcome"] == "skipped":
            reasons[row["reason"]] += row["n"]
    lateness = [row["lateness"] for row in rows if row["lateness"] is not None]
    worst = [max(values) for values in zip(*lateness, strict=True)] if lateness else [None, None, None]
    return {**counts, "skipped_because": dict(reasons), "lateness": dict(zip(("p50", "p95", "p99"), worst, strict=True))}

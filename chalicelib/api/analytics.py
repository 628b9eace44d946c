"""/analytics: what happened, how fast and how well, over any span of time. Definitions of every figure are in docs/analytics.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import Connection

from chalicelib.analytics import service
from chalicelib.analytics.csv_export import to_csv
from chalicelib.analytics.periods import MAX_DAYS, STEPS
from chalicelib.analytics.repository import Scope
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.execution_filter import read_time
from chalicelib.api.models import Answer
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.clock import utc_now
from chalicelib.core.db import transaction
from chalicelib.core.errors import ValidationFailed
from chalicelib.core.jsontext import dumps
from chalicelib.identity.roles import VIEWER

routes = Routes("analytics")

DEFAULT_SPAN = timedelta(hours=24)
_SPAN_QUERY = {
    "from": {"type": "string", "format": "date-time", "description": "Default: 24 hours before `to`."},
    "to": {"type": "string", "format": "date-time", "description": "Default: now."},
}
_QUERY = {
    **_SPAN_QUERY,
    "workflow_id": {"type": "string"},
    "version": {"type": "string", "description": "A version's number, or `draft`."},
    "trigger_id": {"type": "string"},
    "label": {"type": "string", "description": "Workflows with this label."},
}
_FORMAT = {"format": {"type": "string", "enum": ["json", "csv"]}}


class AnalyticsSummary(Answer):
    """Figures of a span (widened to whole buckets) and of the span of the same length before it."""

    executions: dict[str, Any]
    previous: dict[str, Any]
    nodes: dict[str, Any]
    queue: dict[str, Any]
    schedules: dict[str, Any]
    turned_away: dict[str, Any]
    kafka: dict[str, Any] | None
    freshness: dict[str, Any]


class AnalyticsSeries(Answer):
    """One point for every step."""

    bucket_seconds: int
    items: list[dict[str, Any]]


class AnalyticsTable(Answer):
    """One row for each group."""

    items: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What all questions have in common."""

    scope: Scope
    start: datetime
    end: datetime
    now: datetime


@routes.route("GET", "/analytics/summary", role=VIEWER, answer=AnalyticsSummary, query=_QUERY, transactional=False)
def analytics_summary(call: Call) -> Reply:
    """Counts, success rate and durations of a span, compared with the span before it; and what is alive now."""
    asked = _read(call)
    return json_reply(_on_replica(lambda connection: service.summary(connection, asked.scope, asked.start, asked.end, asked.now)))


@routes.route(
    "GET",
    "/analytics/timeseries",
    role=VIEWER,
    answer=AnalyticsSeries,
    query={**_QUERY, "bucket": {"type": "string", "enum": list(STEPS)}, **_FORMAT},
    transactional=False,
)
def analytics_timeseries(call: Call) -> Reply:
    """The course over time, at most 300 points. Without `bucket` the finest that fits."""
    asked, step = _read(call), _one_of(call, "bucket", STEPS, None)
    found = _on_replica(lambda connection: service.timeseries(connection, asked.scope, asked.start, asked.end, asked.now, step))
    return _table(call, found, "timeseries")


@routes.route(
    "GET",
    "/analytics/breakdown",
    role=VIEWER,
    answer=AnalyticsTable,
    query={
        **_QUERY,
        "by": {"type": "string", "enum": list(service.GROUPS)},
        "sort": {"type": "string", "enum": list(get_args(service.Sort))},
        "limit": {"type": "integer", "minimum": 1, "maximum": 200},
        "compare": {"type": "boolean", "description": "`true`: with the same figures of the span before, under `previous`."},
        **_FORMAT,
    },
    transactional=False,
)
def analytics_breakdown(call: Call) -> Reply:
    """Who stands out: workflows, versions, triggers, labels, errors, nodes or node types; the most, the most failing, the slowest or the most retried first."""
    asked, by = _read(call), _one_of(call, "by", service.GROUPS, "workflow")
    sort, limit = _one_of(call, "sort", get_args(service.Sort), "total"), _limit(call)
    compare = _one_of(call, "compare", ("true", "false"), "false") == "true"
    found = _on_replica(
        lambda connection: service.breakdown(connection, asked.scope, asked.start, asked.end, asked.now, by or "", sort, limit, compare=compare)  # type: ignore[arg-type]
    )
    return _table(call, found, f"by-{by}")


@routes.route("GET", "/analytics/triggers", role=VIEWER, answer=AnalyticsTable, query={**_QUERY, **_FORMAT}, transactional=False)
def analytics_triggers(call: Call) -> Reply:
    """What became of what came to each trigger: executions by how they ended, duplicates, refusals, planned instants by outcome and lateness, Kafka's lag."""
    asked = _read(call)
    return _table(call, _on_replica(lambda connection: service.triggers(connection, asked.scope, asked.start, asked.end, asked.now)), "triggers")


@routes.route("GET", "/analytics/workflows/{id}", role=VIEWER, answer=AnalyticsSummary, query=_SPAN_QUERY, transactional=False)
def analytics_workflow(call: Call, id: str) -> Reply:
    """Everything about one workflow: summary, course, nodes, versions, triggers and errors."""
    asked = _read(call, workflow_id=id)
    return json_reply(_on_replica(lambda connection: service.workflow(connection, asked.scope, asked.start, asked.end, asked.now)))


@routes.route(
    "GET", "/analytics/deliveries", role=VIEWER, answer=AnalyticsTable, query={**_QUERY, **_FORMAT}, transactional=False
)
def analytics_deliveries(call: Call) -> Reply:
    """Messages by channel and provider: sent, delivered, failed (and why), unknown; under `nodes` the node runs that notify, with their retries and durations."""
    asked = _read(call)
    found = _on_replica(lambda connection: service.deliveries(connection, asked.scope, asked.start, asked.end, asked.now))
    return _table(call, found, "deliveries")


def _on_replica(question: Callable[[Connection], dict[str, Any]]) -> dict[str, Any]:
    with transaction(read_only=True) as connection:
        return question(connection)


def _table(call: Call, found: dict[str, Any], name: str) -> Reply:
    if _one_of(call, "format", ("json", "csv"), "json") == "json":
        return json_reply(found)
    headers = {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": f'attachment; filename="millrace-{name}.csv"',
        "Cache-Control": "no-store",
    }
    return Reply(200, to_csv(found["items"]), headers)


def _read(call: Call, workflow_id: str | None = None) -> Asked:
    first, now = call.request.first, utc_now()
    end = read_time(first("to"), "/to") or now
    start = read_time(first("from"), "/from") or end - DEFAULT_SPAN
    if not timedelta(0) < end - start <= timedelta(days=MAX_DAYS):
        message = f"`from` must lie before `to`, by at most {MAX_DAYS} days"
        raise ValidationFailed([{"path": "/from", "code": "out_of_range", "message": message}])
    label = first("label")
    scope = Scope(
        call.workspace_id,
        workflow_id or first("workflow_id") or None,
        _version(first("version")),
        first("trigger_id") or None,
        dumps([label]) if label else None,
    )
    return Asked(scope, start, end, now)


def _version(text: str | None) -> int | None:
    if not text:
        return None
    if text == "draft":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValidationFailed([{"path": "/version", "code": "invalid_value", "message": "version is a number, or `draft`"}])
    return int(text)


def _one_of(call: Call, name: str, allowed: Any, default: str | None) -> str | None:
    text = call.request.first(name) or default
    if text is not None and text not in allowed:
        raise ValidationFailed([{"path": f"/{name}", "code": "enum", "message": f"{name} is one of {', '.join(allowed)}"}])
    return text


def _limit(call: Call) -> int:
    text = call.request.first("limit") or "20"
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 200):
        raise ValidationFailed([{"path": "/limit", "code": "out_of_range", "message": "limit must be a whole number from 1 to 200"}])
    return int(text)

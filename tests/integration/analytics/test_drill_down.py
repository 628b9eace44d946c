"""Every figure of analytics leads to as many executions as it counts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.analytics.folding import fold_all
from chalicelib.core.clock import parse, to_text, utc_now
from tests.integration.analytics.test_projector import invented
from tests.integration.api.conftest import api, worker  # noqa: F401 - fixtures
from tests.integration.api.test_executions import wait_for
from tests.support.api import ApiClient
from tests.support.workflows import Database

ENDS = ("succeeded", "failed", "cancelled")
# What a row is of -> what narrows executions to it.
KEYS = {"workflow_id": "workflow_id", "version": "version", "trigger_id": "trigger_id", "label": "label", "error": "error"}


def count(api: ApiClient, wanted: Mapping[str, Any]) -> dict[str, Any]:  # noqa: F811
    answer = api.get(f"/executions/count?{urlencode(wanted)}")
    assert answer.status == 200, answer.json
    return answer.json


def listed(api: ApiClient, wanted: Mapping[str, Any]) -> list[str]:  # noqa: F811
    found: list[str] = []
    cursor = None
    while True:
        page = api.get(f"/executions?{urlencode({**wanted, 'limit': 7, **({'cursor': cursor} if cursor else {})})}").json
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.fixture
def mixed(database: Database, api: ApiClient, worker: None) -> dict[str, str]:  # noqa: F811
    """Executions of the last day, some of them really run: a label, two versions and the draft, a trigger, a loop, retries. The span that holds them all."""
    invented(database, random.Random(11), 40)
    flaky = {"id": "divide", "type": "transform", "config": {"assign": {"x": "10 / item"}}}
    looped = {"id": "each", "type": "map", "config": {"items": "{{ input.items }}", "body": {"nodes": [flaky]}, "on_item_error": "continue"}}
    once = {"id": "once", "type": "transform", "config": {"assign": {"x": "10 / input.n"}}, "on_error": "continue"}
    made = api.post("/workflows", {"name": "Loops", "labels": ["billing"], "definition": {"schema": "millrace/1", "nodes": [looped, once]}}).json
    path = f"/workflows/{made['id']}"
    assert api.post(f"{path}/publish").status == 201
    trigger = api.post("/triggers", {"workflow_id": made["id"], "type": "api", "config": {"path": "drill-down"}}).json
    begun = [api.post(f"{path}/executions", {"input": {"items": [1, 0, 2], "n": 1}}).json["id"] for _ in range(2)]
    begun.append(api.post("/trigger/drill-down", {"items": [1], "n": 0}).json["execution_id"])
    assert api.post(f"{path}/publish").status == 201
    begun += [api.post(f"{path}/executions", {"input": {"items": [0, 0], "n": 0}, "version": version}).json["id"] for version in (2, "draft")]
    for execution_id in begun:
        assert wait_for(api, execution_id, *ENDS)["status"] == "succeeded"
    while fold_all(lambda: True)["facts"]:
        pass
    assert trigger["id"]
    return {"from": to_text(utc_now() - timedelta(hours=25)), "to": to_text(utc_now() + timedelta(minutes=1))}


def ended(span: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"finished_from": span["from"], "finished_to": span["to"], **more}


def test_each_row_and_each_point_leads_to_what_it_counts(api: ApiClient, mixed: dict[str, str]) -> None:  # noqa: F811
    summary = api.get(f"/analytics/summary?{urlencode(mixed)}").json
    assert summary["executions"]["total"] == 45
    assert count(api, ended(summary))["executions"] == 45 == len(listed(api, ended(summary)))
    seen = 0
    for by in ("workflow", "version", "trigger", "label", "error"):
        answer = api.get(f"/analytics/breakdown?{urlencode({**mixed, 'by': by, 'limit': 200})}").json
        assert answer["items"], by
        for row in answer["items"]:
            wanted = ended(answer, **{key: row[name] for name, key in KEYS.items() if name in row})
            assert count(api, wanted)["executions"] == row["total"] == len(listed(api, wanted)), (by, row)
            for status in ENDS:
                assert count(api, {**wanted, "status": status})["executions"] == row[status], (by, row)
            seen += row["total"]
    assert seen > 45
    series = api.get(f"/analytics/timeseries?{urlencode({**mixed, 'bucket': 'hour'})}").json
    points = [point for point in series["items"] if point["total"]]
    assert len(points) > 5
    for point in points:
        wanted = {"finished_from": point["at"], "finished_to": to_text(parse(point["at"]) + timedelta(seconds=series["bucket_seconds"]))}
        assert count(api, wanted)["executions"] == point["total"]
        for status in ENDS:
            assert count(api, {**wanted, "status": status})["executions"] == point[status]


def test_each_node_leads_to_the_executions_that_hold_its_runs(api: ApiClient, mixed: dict[str, str]) -> None:  # noqa: F811
    nodes = api.get(f"/analytics/breakdown?{urlencode({**mixed, 'by': 'node', 'limit': 200})}").json
    loops = {row["node_id"]: row for row in nodes["items"] if row["workflow_name"] == "Loops"}
    assert {name: (row["total"], row["failed"]) for name, row in loops.items()} == {"each": (5, 0), "divide": (11, 6), "once": (5, 3)}
    assert any(row["retries"] for row in nodes["items"])
    for row in nodes["items"]:
        wanted = ended(nodes, workflow_id=row["workflow_id"], node_id=row["node_id"])
        assert count(api, wanted)["node_runs"] == row["total"], row
        assert count(api, {**wanted, "node_status": "failed"})["node_runs"] == row["failed"], row
        retried = count(api, {**wanted, "node_retried": "true"})
        assert bool(retried["node_runs"]) == bool(row["retries"]), row
        assert len(listed(api, {**wanted, "node_retried": "true"})) == retried["executions"]
    assert count(api, ended(nodes, workflow_id=loops["divide"]["workflow_id"], node_id="divide", node_status="failed"))["executions"] == 4
    errors = api.get(f"/analytics/breakdown?{urlencode({**mixed, 'by': 'node_error', 'sort': 'failed', 'limit': 200})}").json
    assert {row["error"] for row in errors["items"]} >= {"http.500", "expression_error"}
    for row in errors["items"]:
        wanted = ended(errors, workflow_id=row["workflow_id"], node_id=row["node_id"], node_error=row["error"])
        assert count(api, wanted)["node_runs"] == row["failed"], row


def test_what_cannot_be_asked_is_refused(api: ApiClient) -> None:  # noqa: F811
    for query, path in (
        ("status=done", "/status"), ("version=two", "/version"), ("due=yes", "/due"), ("finished_from=today", "/finished_from"), ("node_status=queued", "/node_status"),
        ("from=2026-13-01T00:00:00Z", "/from"), ("version=0", "/version"),
    ):  # fmt: skip
        for route in ("/executions", "/executions/count"):
            answer = api.get(f"{route}?{query}")
            assert (answer.status, answer.code) == (422, "validation_failed"), query
            assert answer.json["errors"][0]["path"].startswith(path), answer.json
    assert api.get("/executions?version=draft&label=none&due=true&node_retried=false").json["items"] == []

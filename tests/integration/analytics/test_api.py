"""/analytics over HTTP."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import pytest

from chalicelib.analytics.folding import fold_all
from chalicelib.analytics.histogram import RELATIVE_ERROR
from chalicelib.core.clock import to_text, utc_now
from tests.integration.analytics.test_projector import invented
from tests.integration.api.conftest import api  # noqa: F401 - a fixture
from tests.support.api import ApiClient
from tests.support.workflows import Database


@pytest.fixture
def day(database: Database, api: ApiClient) -> str:  # noqa: F811
    """Sixty executions of the last day, folded; the query that asks for the last 25 hours."""
    invented(database, random.Random(7), 60)
    fold_all(lambda: True)
    return f"from={to_text(utc_now() - timedelta(hours=25))}&to={to_text(utc_now() + timedelta(minutes=1))}"


def test_the_parts_add_up_to_the_whole(api: ApiClient, database: Database, day: str) -> None:  # noqa: F811
    summary = api.get(f"/analytics/summary?{day}").json
    whole = summary["executions"]
    assert whole["total"] == 60 == whole["succeeded"] + whole["failed"] + whole["cancelled"]
    assert whole["success_rate"] == pytest.approx(whole["succeeded"] / (whole["succeeded"] + whole["failed"]))
    taken = database.execute("SELECT extract(epoch FROM finished_at - started_at)::float AS s FROM executions WHERE status <> 'cancelled' ORDER BY 1")
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = taken[math.ceil(share * len(taken)) - 1]["s"]
        assert abs(whole[name] - exact) <= exact * RELATIVE_ERROR + 0.001
    assert whole["mean"] == pytest.approx(sum(row["s"] for row in taken) / len(taken))
    assert summary["previous"]["executions"]["total"] == 0
    assert summary["freshness"]["facts"] == 0
    for bucket in ("hour", "15m", ""):
        series = api.get(f"/analytics/timeseries?{day}" + (f"&bucket={bucket}" if bucket else "")).json
        assert sum(item["total"] for item in series["items"]) == 60
        assert len(series["items"]) <= 302
        assert series["items"] == sorted(series["items"], key=lambda item: item["at"])
    for by in ("workflow", "version", "error"):
        items = api.get(f"/analytics/breakdown?{day}&by={by}").json["items"]
        assert sum(item["total"] for item in items) == (60 if by != "error" else whole["failed"] + whole["cancelled"])
    (node,) = {item["node_id"] for item in api.get(f"/analytics/breakdown?{day}&by=node").json["items"]}
    assert node == "call"


def test_figures_of_one_workflow_version_or_label(api: ApiClient, database: Database, day: str) -> None:  # noqa: F811
    tops = api.get(f"/analytics/breakdown?{day}&by=workflow").json["items"]
    first = tops[0]["workflow_id"]
    assert tops[0]["workflow_name"] == "test"
    page = api.get(f"/analytics/workflows/{first}?{day}").json
    assert page["executions"]["total"] == tops[0]["total"] == sum(item["total"] for item in page["series"]["items"])
    assert [item["version"] for item in page["versions"]] == [1]
    assert api.get(f"/analytics/summary?{day}&workflow_id={first}&version=2").json["executions"]["total"] == 0
    assert api.get(f"/analytics/summary?{day}&version=draft").json["executions"]["total"] == 0
    database.execute("UPDATE workflows SET labels = '[\"billing\"]' WHERE id = %(id)s", {"id": first})
    assert api.get(f"/analytics/summary?{day}&label=billing").json["executions"]["total"] == tops[0]["total"]
    (label,) = api.get(f"/analytics/breakdown?{day}&by=label").json["items"]
    assert (label["label"], label["total"]) == ("billing", tops[0]["total"])


def test_tables_as_csv(api: ApiClient, day: str) -> None:  # noqa: F811
    answer = api.get(f"/analytics/breakdown?{day}&by=workflow&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.body.decode().splitlines()[0].startswith("workflow_id,total,succeeded")
    assert len(answer.body.decode().splitlines()) == 4
    assert api.get(f"/analytics/timeseries?{day}&bucket=hour&format=csv").body.count(b"\r\n") in (27, 28)


def test_an_empty_installation_answers_with_zeros(api: ApiClient) -> None:  # noqa: F811
    for path in ("summary", "timeseries", "breakdown", "deliveries"):
        assert api.get(f"/analytics/{path}").status == 200
    assert api.get("/analytics/workflows/wf_00000000000000000000000000").status == 404
    found = api.get("/analytics/summary").json["executions"]
    assert (found["total"], found["success_rate"], found["p50"]) == (0, None, None)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/from"),
        ("from=1900-01-01T00:00:00Z", "/from"),
        ("from=yesterday", "/from"),
        ("version=x", "/version"),
    ],
)
def test_what_cannot_be_asked_is_said(api: ApiClient, query: str, path: str) -> None:  # noqa: F811
    answer = api.get(f"/analytics/summary?{query}")
    assert (answer.status, answer.json["errors"][0]["path"]) == (422, path)


@pytest.mark.parametrize(("query", "path"), [("bucket=second", "/bucket"), ("bucket=minute&from=2026-01-01T00:00:00Z", "/bucket"), ("format=xml", "/format")])
def test_what_series_cannot_be_had_is_said(api: ApiClient, query: str, path: str) -> None:  # noqa: F811
    answer = api.get(f"/analytics/timeseries?{query}")
    assert (answer.status, answer.json["errors"][0]["path"]) == (422, path)

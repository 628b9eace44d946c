"""`./run --demo`: the examples are there and work without any account."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import product_environment
from tests.support.github import deliveries
from tests.support.product import Product


def test_the_examples_run_against_the_demo_address(tmp_path: Path) -> None:
    environment = {name: value for name, value in product_environment().items() if name != "MILLRACE_EGRESS_ALLOW"}
    product = Product(tmp_path / "data", "--demo", environment=environment)
    try:
        slugs = {workflow["slug"]: workflow for workflow in product.api("GET", "/workflows")["items"]}
        assert {"hello", "github-deliveries", "heartbeat", "order-notice"} <= set(slugs)
        hello = product.call("POST", "/api/trigger/hello?wait=10", {"name": "Ada"}, key=False)
        assert (hello.status, hello.json()["greeting"]) == (200, "Hello, Ada!")
        delivery = next(sample for sample in deliveries() if sample.event == "pull_request")
        sent = product.call("POST", "/api/trigger/github", delivery.payload, key=False, X_GitHub_Event="pull_request", X_GitHub_Delivery="1")
        assert sent.status == 202
        (execution,) = product.ended(slugs["github-deliveries"]["id"], 1, seconds=30)
        assert execution["status"] == "succeeded"
        shown = product.call("GET", "/demo/calls", key=False).json()["items"]
        calls = [call for call in shown if call["path"] != "/heartbeat"]
        assert [call["path"] for call in calls] == ["/follow-up", "/pull-requests"]
        assert json.loads(calls[-1]["body"])["number"] == delivery.payload["pull_request"]["number"]
        order = {"name": "Ada", "email": "ada@example.org", "phone": "+15005550006", "lines": [{"price": 12.5, "count": 2}]}
        noticed = product.call("POST", "/api/trigger/order-notice?wait=25", order, key=False)
        assert (noticed.status, noticed.json()["total"]) == (200, 25.0)
        inbox = {each["kind"]: each for each in product.call("GET", "/demo/inbox", key=False).json()["items"]}
        assert inbox["mail"]["to"] == ["ada@example.org"]
        assert "order of 25.00 EUR" in inbox["mail"]["text"]
        assert (inbox["sms"]["to"], inbox["sms"]["text"]) == ("+15005550006", "Your order is on its way, Ada.")
        assert (inbox["chat"]["channel"], inbox["chat"]["text"]) == ("slack", "Order of Ada: 25.00 EUR")
        (execution,) = product.ended(slugs["order-notice"]["id"], 1, seconds=30)
        detail = product.api("GET", f"/executions/{execution['id']}")
        (total,) = [node for node in detail["nodes"] if node["node_id"] == "total"]
        assert total["console"] == [{"level": "log", "text": "1 lines: 25.0"}]
    finally:
        assert product.stop() == 0

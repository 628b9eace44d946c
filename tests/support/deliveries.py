"""Posting GitHub's deliveries and checking what became of each, by witnesses outside Millrace."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.github import Delivery
from tests.support.product import Product, Reply
from tests.support.recorder import Recorder


def post(product: Product, delivery: Delivery) -> Reply:
    """One delivery as GitHub sends it."""
    headers = {"Content_Type": "application/json", "X_GitHub_Event": delivery.event, "X_GitHub_Delivery": delivery.id}
    return product.call("POST", "/api/trigger/github", raw=json.dumps(delivery.payload).encode(), key=False, **headers)


def post_all(product: Product, deliveries: Sequence[Delivery], threads: int = 8) -> dict[str, Delivery]:
    """Post every delivery; returns them by execution id. All must be accepted, each as an execution of its own."""
    with ThreadPoolExecutor(threads) as pool:
        replies = list(pool.map(lambda delivery: post(product, delivery), deliveries))
    assert {reply.status for reply in replies} == {202}, Counter(reply.status for reply in replies)
    by_execution = {reply.json()["execution_id"]: delivery for reply, delivery in zip(replies, deliveries, strict=True)}
    assert len(by_execution) == len(deliveries)
    return by_execution


def expected_calls(delivery: Delivery) -> Counter[str]:
    """Paths that the example must call for a delivery."""
    return Counter(path for path in (delivery.first_call, "/follow-up") if path)


def check_calls(recorder: Recorder, by_execution: dict[str, Delivery]) -> list[dict[str, Any]]:
    """Every delivery's calls were made, each key acted on once; returns the repeats, which the recorder did not act on."""
    calls = recorder.calls()
    acted = [call for call in calls if not call["repeat"]]
    made: dict[str, Counter[str]] = {execution_id: Counter() for execution_id in by_execution}
    for call in acted:
        execution_id = call["key"].split(".")[0]
        made[execution_id][call["path"]] += 1
    for execution_id, delivery in by_execution.items():
        assert made[execution_id] == expected_calls(delivery), (delivery.id, made[execution_id])
    for call in acted:
        delivery = by_execution[call["key"].split(".")[0]]
        assert call["body"]["summary"]["event"] == delivery.event
        if call["path"] != "/follow-up":
            subject = "issue" if delivery.event == "issues" else "pull_request"
            assert call["body"]["number"] == delivery.payload[subject]["number"]
        else:
            assert call["body"]["route"] == delivery.route
    return [call for call in calls if call["repeat"]]


def check_outcomes(executions: Sequence[dict[str, Any]], by_execution: dict[str, Delivery]) -> None:
    """Every delivery's execution ended well, and none is there that nobody sent."""
    assert {execution["id"] for execution in executions} == set(by_execution)
    assert Counter(execution["status"] for execution in executions) == {"succeeded": len(by_execution)}

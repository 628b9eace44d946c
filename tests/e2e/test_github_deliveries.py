"""The main job on real input: all of GitHub's sample deliveries, over HTTP, each checked by witnesses outside Millrace."""

from __future__ import annotations

import json
import uuid
from collections import Counter

import pytest

from tests.support import deliveries as checking
from tests.support.github import deliveries
from tests.support.kafka import topic_reader
from tests.support.product import Product
from tests.support.recorder import Recorder


@pytest.mark.kafka
def test_every_sample_delivery_does_what_its_payload_says(product: Product, recorder: Recorder, kafka_servers: str) -> None:
    topic = f"github-events-{uuid.uuid4().hex[:8]}"  # the broker may serve another run of this test
    messages = topic_reader(kafka_servers, topic)
    workflow = product.load("github-deliveries", recorder.url, **{'"github-events"': f'"{topic}"'})
    samples = deliveries()
    assert len(samples) >= 200

    by_execution = checking.post_all(product, samples)
    executions = product.ended(workflow["id"], len(samples))

    checking.check_outcomes(executions, by_execution)
    assert checking.check_calls(recorder, by_execution) == []
    published = messages(len(samples))
    assert Counter(message["execution"] for message in published) == Counter(list(by_execution))
    for message in published:
        delivery = by_execution[message["execution"]]
        assert (message["event"], message["action"]) == (delivery.event, delivery.payload.get("action", ""))
    print(f"{len(samples)} deliveries, {len(recorder.calls())} calls, {len(published)} messages")

    again = checking.post(product, samples[0])
    assert (again.status, again.json()["duplicate"]) == (202, True)
    assert by_execution[again.json()["execution_id"]] is samples[0]
    changed = product.call(
        "POST",
        "/api/trigger/github",
        raw=json.dumps({"other": "body"}).encode(),
        key=False,
        Content_Type="application/json",
        X_GitHub_Event=samples[0].event,
        X_GitHub_Delivery=samples[0].id,
    )
    assert (changed.status, changed.json()["code"]) == (422, "idempotency_key_reused")

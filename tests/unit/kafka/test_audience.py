"""Which triggers a delivery is for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.triggers.kafka_outcomes import Audience, Route, audience_of

TRIGGER = "trg_01kb0000000000000000000000"
OTHER = "trg_01kb1111111111111111111111"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:millrace-kafka"


def route(id: str, **config: Any) -> Route:
    return Route.of({"id": id, "config": json.dumps({"topic": "t", **config})})


@pytest.mark.parametrize(
    ("event", "arn", "expected"),
    [
        ({}, None, Audience()),
        ({}, FUNCTION, Audience()),
        ({}, f"{FUNCTION}:$LATEST", Audience()),
        ({}, f"{FUNCTION}:live", Audience()),
        ({}, f"{FUNCTION}:{TRIGGER}", Audience(trigger_id=TRIGGER)),
        ({"millrace": {"group": "g"}}, None, Audience(group="g")),
    ],
)
def test_whom_an_event_is_for(event: dict[str, Any], arn: str | None, expected: Audience) -> None:
    assert audience_of(event, arn) == expected


def test_an_audience() -> None:
    own, shared = route(TRIGGER), route(OTHER, group="shop")
    assert (own.group, shared.group) == (TRIGGER, "shop")
    assert [Audience().includes(each) for each in (own, shared)] == [True, True]
    assert [Audience(group="shop").includes(each) for each in (own, shared)] == [False, True]
    assert [Audience(group=TRIGGER).includes(each) for each in (own, shared)] == [True, False]
    assert [Audience(trigger_id=OTHER).includes(each) for each in (own, shared)] == [False, True]

"""Which triggers a delivery is for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib.triggers.kafka_outcomes import Audience, Route, alias_of, audience_of, is_alias

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
        ({}, f"{FUNCTION}:{TRIGGER}", Audience(alias=TRIGGER)),
        ({}, f"{FUNCTION}:{alias_of('shop')}", Audience(alias=alias_of("shop"))),
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
    assert [Audience(alias=alias_of("shop")).includes(each) for each in (own, shared)] == [False, True]
    assert [Audience(alias=TRIGGER).includes(each) for each in (own, shared)] == [True, False]


def test_an_alias_is_one_that_lambda_takes() -> None:
    aliases = {group: alias_of(group) for group in (TRIGGER, "shop", "a.b_c-" * 40)}
    assert aliases[TRIGGER] == TRIGGER
    assert all(re.fullmatch(r"(?!^[0-9]+$)[a-zA-Z0-9-_]{1,128}", alias) and is_alias(alias) for alias in aliases.values())
    assert len(set(aliases.values())) == 3
    assert not any(is_alias(text) for text in ("g-shop-kafka", "millrace-kafka", "$LATEST", ""))

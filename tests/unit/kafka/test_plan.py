"""Which groups read what, and where they begin."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.triggers.kafka_plan import Reader, begin_at, plan_of

MADE = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = MADE + timedelta(hours=1)


def row(id: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "config": json.dumps(config), "updated_at": MADE, "last_fired_at": None}


def test_triggers_are_gathered_by_group_and_topic() -> None:
    plan = plan_of(
        [
            row("a", topic="t"),
            row("b", topic="t", group="g", start="earliest"),
            row("c", topic="u", group="g"),
            row("d", topic="t", group="g"),
        ]
    )
    latest, earliest = Reader("latest", MADE, None), Reader("earliest", MADE, None)
    assert plan == {"a": {"t": (latest,)}, "g": {"t": (earliest, latest), "u": (latest,)}}


@pytest.mark.parametrize(
    ("readers", "topic_seen", "expected"),
    [
        ([Reader("latest", MADE, None)], False, MADE),
        ([Reader("earliest", MADE, None)], False, None),
        ([Reader("latest", MADE, None), Reader("earliest", MADE, None)], False, None),
        ([Reader("latest", LATER, None), Reader("latest", MADE, None)], False, MADE),
        # A partition that was added to a topic which the group reads.
        ([Reader("latest", MADE, LATER)], True, MADE),
        ([Reader("earliest", MADE, LATER)], True, None),
        # The group's positions are gone, though it has read: not everything again.
        ([Reader("earliest", MADE, LATER)], False, LATER),
        ([Reader("latest", MADE, LATER)], False, LATER),
        # It fired on another topic, before it was moved to this one.
        ([Reader("earliest", LATER, MADE)], False, None),
        ([Reader("latest", LATER, MADE)], False, LATER),
    ],
)
def test_where_a_group_begins(readers: list[Reader], topic_seen: bool, expected: datetime | None) -> None:
    assert begin_at(readers, topic_seen) == expected

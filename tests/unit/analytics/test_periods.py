"""Spans, levels and steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.periods import LEVELS, MAX_POINTS, STEPS, level_for, span_for, steps_for

NOW = datetime(2026, 11, 24, 5, 48, 32, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "ago", "level"),
    [
        (timedelta(minutes=5), timedelta(0), "minute"),
        (timedelta(hours=24), timedelta(0), "minute"),
        (timedelta(days=2), timedelta(0), "hour"),
        (timedelta(hours=1), timedelta(days=10), "hour"),
        (timedelta(days=60), timedelta(0), "hour"),
        (timedelta(days=90), timedelta(0), "day"),
        (timedelta(hours=1), timedelta(days=200), "day"),
    ],
)
def test_the_finest_level_that_is_kept_and_not_too_long(length: timedelta, ago: timedelta, level: str) -> None:
    end = NOW - ago
    assert level_for(end - length, end, NOW) == level


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=3600)), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)))
def test_spans_hold_what_was_asked_and_at_most_the_points_of_a_page(length: timedelta, ago: timedelta) -> None:
    end = NOW - ago
    start = end - length
    for span in (span_for(start, end, NOW), steps_for(start, end, NOW, None)):
        assert span.start <= start < end <= span.end
        assert start - span.start < span.step
        assert span.end - end < span.step
        assert (span.end - span.start) % span.step == timedelta(0)
        assert span.step % LEVELS[span.level] == timedelta(0)
        assert span.before().end == span.start
    assert 1 <= steps_for(start, end, NOW, None).points <= MAX_POINTS + 1


def test_a_step_that_gives_too_many_points_is_refused_with_what_would_do() -> None:
    with pytest.raises(ValueError, match="ask for 3h or 6h or day"):
        steps_for(NOW - timedelta(days=30), NOW, NOW, "minute")
    assert steps_for(NOW - timedelta(days=30), NOW, NOW, "day").points == 31


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_made_of_whole_buckets(name: str) -> None:
    span = steps_for(NOW - STEPS[name], NOW, NOW, name)
    assert span.points in (1, 2)
    assert [span.at(0), span.at(1)] == [span.start, span.start + STEPS[name]]

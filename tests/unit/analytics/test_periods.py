"""Spans, levels and steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.analytics.periods import KEPT, LEVELS, MAX_POINTS, STEPS, span_for, steps_for

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 5, 48, 32, tzinfo=UTC)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "end", "levels"),
    [
        (NOW - timedelta(minutes=5), NOW, ["minute"]),
        (NOW - timedelta(hours=5), NOW, ["minute", "hour", "minute"]),
        (NOW - 2.5 * DAY, NOW, ["minute", "hour", "day", "hour", "minute"]),
        (NOW - 30 * DAY, NOW, ["hour", "day", "hour", "minute"]),
        (NOW - 300 * DAY, NOW, ["day", "hour", "minute"]),
        (NOW - 30 * DAY, NOW - 20 * DAY, ["hour", "day", "hour"]),
        (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC), ["day"]),
        (NOW - 300 * DAY, NOW - 299 * DAY, ["day"]),
    ],
)
def test_days_in_the_middle_and_the_finest_that_is_kept_at_the_edges(start: datetime, end: datetime, levels: list[str]) -> None:
    assert [segment.level for segment in span_for(start, end, NOW).segments] == levels


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=3600)), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)))
@example(timedelta(days=89, seconds=20_913), timedelta(days=29, seconds=86_399, microseconds=1))
def test_segments_cover_what_was_asked_without_gap_or_overlap(length: timedelta, ago: timedelta) -> None:
    end = NOW - ago
    start = end - length
    for span in (span_for(start, end, NOW), steps_for(start, end, NOW, None), span_for(start, end, NOW).before(NOW)):
        edges = [span.segments[0].start, *(segment.end for segment in span.segments)]
        assert (edges[0], edges[-1]) == (span.start, span.end)
        assert [segment.start for segment in span.segments] == edges[:-1]
        for segment in span.segments:
            assert segment.start < segment.end
            assert (segment.start - EPOCH) % LEVELS[segment.level] == (segment.end - EPOCH) % LEVELS[segment.level] == timedelta(0)
            assert segment.level == "day" or segment.start >= NOW - KEPT[segment.level] - LEVELS[segment.level]
    asked = span_for(start, end, NOW)
    assert asked.start <= start < end <= asked.end
    series = steps_for(start, end, NOW, None)
    assert series.start <= start < end <= series.end
    assert 1 <= series.points <= MAX_POINTS + 1


def test_a_step_that_gives_too_many_points_is_refused_with_what_would_do() -> None:
    with pytest.raises(ValueError, match="ask for 3h or 6h or day"):
        steps_for(NOW - timedelta(days=30), NOW, NOW, "minute")
    assert steps_for(NOW - timedelta(days=30), NOW, NOW, "day").points == 31


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_made_of_whole_buckets(name: str) -> None:
    span = steps_for(NOW - STEPS[name], NOW, NOW, name)
    assert span.points in (1, 2)
    assert [span.at(0), span.at(1)] == [span.start, span.start + STEPS[name]]
    assert STEPS[name] % LEVELS[span.segments[0].level] == timedelta(0)

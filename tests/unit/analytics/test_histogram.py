"""Histograms of durations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.histogram import RELATIVE_ERROR, merged, percentile, seconds_of, slot_of

DURATIONS = st.floats(min_value=1, max_value=3.2e10)


@given(DURATIONS)
def test_a_slot_stands_for_its_durations_within_the_stated_error(milliseconds: float) -> None:
    shown = seconds_of(slot_of(milliseconds)) * 1000
    assert abs(shown - milliseconds) / milliseconds <= RELATIVE_ERROR + 1e-9


@given(st.lists(DURATIONS, min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_are_those_of_the_durations_within_the_stated_error(durations: list[float], share: float) -> None:
    histogram: dict[int, int] = {}
    for duration in durations:
        histogram = merged(histogram, {slot_of(duration): 1})
    exact = sorted(durations)[math.ceil(share * len(durations)) - 1]
    found = percentile(histogram, share)
    assert found is not None
    assert abs(found * 1000 - exact) / exact <= RELATIVE_ERROR + 1e-9


def test_nothing_has_no_percentile_and_the_shortest_share_a_slot() -> None:
    assert percentile({}, 0.5) is None
    assert slot_of(0) == slot_of(0.99) == 0
    assert percentile({0: 3}, 0.99) == 0.0005


@pytest.mark.parametrize("first", [{}, {1: 2}])
def test_merging_adds(first: dict[int, int]) -> None:
    assert merged(first, {1: 1, 5: 4}) == {1: first.get(1, 0) + 1, 5: 4}

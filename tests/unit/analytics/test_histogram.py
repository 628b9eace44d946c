"""Slots of durations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.histogram import RELATIVE_ERROR, seconds_of, slot_of


@given(st.floats(min_value=1, max_value=3.2e10))
def test_a_slot_stands_for_its_durations_within_the_stated_error(milliseconds: float) -> None:
    shown = seconds_of(slot_of(milliseconds)) * 1000
    assert abs(shown - milliseconds) / milliseconds <= RELATIVE_ERROR + 1e-9


def test_the_shortest_share_a_slot() -> None:
    assert slot_of(0) == slot_of(0.99) == 0 < slot_of(1)
    assert seconds_of(0) == 0.0005

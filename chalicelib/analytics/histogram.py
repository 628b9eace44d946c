"""Durations in slots that grow by a tenth, so that histograms of any time and size are merged by adding, and percentiles are known within five percent.

The database function `duration_slot` puts durations into the same slots. Pure.
"""

from __future__ import annotations

import math

GROWTH = 1.1
RELATIVE_ERROR = math.sqrt(GROWTH) - 1  # of any percentile, since a slot is shown as its geometric middle


def slot_of(milliseconds: float) -> int:
    """The slot of a duration: 0 below one millisecond, k for [1.1 ** (k - 1), 1.1 ** k)."""
    return 0 if milliseconds < 1 else 1 + math.floor(math.log(milliseconds) / math.log(GROWTH))


def seconds_of(slot: int) -> float:
    """What a slot stands for, in seconds: the geometric middle of its bounds, half a millisecond for slot 0."""
    return 0.0005 if slot <= 0 else GROWTH ** (slot - 0.5) / 1000

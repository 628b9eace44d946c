"""What may go, by the table: whole months when everything in them is over, rows only where waiting for that would be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.engine.retention import WHOLE_MONTHS_FROM_DAYS, Keep, Month, plan

JANUARY = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


def january(*workflows: str, name: str | None = "2026_01") -> Month:
    return Month(name, *JANUARY, workflows)


@pytest.mark.parametrize(
    ("workflows", "keep", "default", "now", "dropped", "deleted"),
    [
        (("a",), {}, None, "2036-01-01", False, []),
        (("a",), {"a": 30}, None, "2026-03-02", False, []),
        (("a",), {"a": 30}, None, "2026-03-03", True, []),
        (("a", "b"), {"a": 30, "b": 30}, None, "2026-03-03", True, []),
        (("a", "b"), {"a": 30}, None, "2026-03-03", False, ["a"]),  # b is kept for ever
        (("a", "b"), {"a": 30}, 30, "2026-03-03", True, []),
        (("a", "b"), {"a": 30, "b": 90}, None, "2026-02-01", False, ["a"]),
        (("a", "b"), {"a": 30, "b": 90}, None, "2026-05-02", True, []),
        (("a",), {"a": 7}, None, "2026-01-07", False, []),
        (("a",), {"a": 7}, None, "2026-01-08", False, ["a"]),  # few days: by the day
        (("a",), {"a": 7}, None, "2026-02-08", True, []),
        ((), {}, None, "2026-02-01", True, []),  # nothing is left in it
        ((), {}, None, "2026-01-31", False, []),  # it is not over
    ],
)
def test_what_may_go(workflows: tuple[str, ...], keep: dict[str, int], default: int | None, now: str, dropped: bool, deleted: list[str]) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = plan([january(*workflows)], {own_id: Keep(days) for own_id, days in keep.items()}, default, at)
    assert ([over.month.name for over in found.drop], [each.workflow_id for each in found.delete]) == (["2026_01"] if dropped else [], deleted)


def test_what_stands_outside_all_months_is_never_dropped() -> None:
    found = plan([january("a", name=None)], {"a": Keep(30)}, None, datetime(2030, 1, 1, tzinfo=UTC))
    assert (found.drop, [each.workflow_id for each in found.delete]) == ((), ["a"])


@given(
    st.dictionaries(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(1, 400))),
    st.one_of(st.none(), st.integers(1, 400)),
    st.integers(0, 900),
)
def test_nothing_goes_early_and_nothing_stays_a_month_too_long(keep: dict[str, int | None], default: int | None, later: int) -> None:
    now = JANUARY[0] + timedelta(days=later)
    found = plan([january(*keep)], {own_id: Keep(days) for own_id, days in keep.items()}, default, now)
    days = {own_id: asked if asked is not None else default for own_id, asked in keep.items()}
    going = set(keep) if found.drop else {each.workflow_id for each in found.delete}
    for own_id in going:
        assert days[own_id] is not None
        if found.drop:
            assert now >= JANUARY[1] + timedelta(days=days[own_id])
    assert all(each.before == now - timedelta(days=days[each.workflow_id] or 0) for each in found.delete)
    assert all(over.before == now - timedelta(days=max((asked or 0 for asked in days.values()), default=0)) for over in found.drop)
    for own_id in set(keep) - going:
        asked = days[own_id]
        late = timedelta(days=31 if asked is not None and asked >= WHOLE_MONTHS_FROM_DAYS else 0)
        assert asked is None or now < JANUARY[0] + timedelta(days=asked) + late

"""The difference of two definitions."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.workflows.diff import changes, compare

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def apply(value: Any, found: list[dict[str, Any]]) -> Any:
    """Make the changes; what `changes` says must turn one value into the other."""
    value = copy.deepcopy(value)
    for change in found:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:]]
        if not parts:
            value = change["to"]
            continue
        at = value
        for part in parts[:-1]:
            at = at[int(part)] if isinstance(at, list) else at[part]
        last: Any = int(parts[-1]) if isinstance(at, list) else parts[-1]
        if change["op"] == "removed":
            del at[last]
        else:
            at[last] = change["to"]
    return value


def exact(value: Any) -> Any:
    """Distinguishes true from 1, but not 1 from 1.0: as JSON does."""
    if isinstance(value, dict):
        return {name: exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return ("bool", value) if isinstance(value, bool) else value


@given(VALUES, VALUES)
def test_the_changes_turn_one_into_the_other(before: Any, after: Any) -> None:
    assert exact(apply(before, changes(before, after))) == exact(after)


@given(VALUES)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert changes(value, copy.deepcopy(value)) == []


@pytest.mark.parametrize(
    ("before", "after", "same"), [(1, 1.0, True), (1, True, False), (0, False, False), ("1", 1, False), (None, False, False)]
)
def test_equality_is_jsons(before: Any, after: Any, same: bool) -> None:
    assert (changes(before, after) == []) is same


def test_order_of_nodes_and_edges_and_a_default_port_mean_nothing() -> None:
    one = {"nodes": [{"id": "a"}, {"id": "b"}], "edges": [{"from": "a", "to": "b"}, {"from": "a", "port": "error", "to": "b"}]}
    other = {
        "nodes": [{"id": "b"}, {"id": "a"}],
        "edges": [{"from": "a", "port": "error", "to": "b"}, {"from": "a", "port": "main", "to": "b"}],
    }
    assert compare(one, other)["identical"] is True

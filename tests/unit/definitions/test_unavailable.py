"""Parts of the language that are not honoured yet are refused, not ignored."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.definitions.schema import parse_definition
from chalicelib.definitions.unavailable import find_unavailable

NODES = [{"id": "a", "type": "transform", "undo": "b"}, {"id": "b", "type": "transform"}]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"nodes": NODES}, []),
        ({"settings": {"retention_days": 3}}, [("/settings/retention_days", "warning")]),
    ],
)
def test_each_is_named(change: dict[str, Any], found: list[tuple[str, str]]) -> None:
    body = {"schema": "millrace/1", "nodes": [{"id": "a", "type": "transform"}], "edges": [], **change}
    assert [(issue.path, issue.severity) for issue in find_unavailable(parse_definition(body))] == found

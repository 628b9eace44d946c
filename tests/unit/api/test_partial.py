"""A draft up to one node, by a table of drafts."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.registry.catalogue import catalogue
from chalicelib.workflows.partial import up_to


def node(own_id: str, type: str = "transform", **more: Any) -> dict[str, Any]:
    return {"id": own_id, "type": type, "config": {}, **more}


def edges(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("from", "to", "port"), pair.split(), strict=False)) for pair in pairs]


def pinned(own_id: str, output: Any, type: str = "http.request", **more: Any) -> dict[str, Any]:
    return node(own_id, type, ui={"pinned": {"output": output}}, **more)


def cut(nodes: list[Any], lines: list[Any], last: str, **more: Any) -> dict[str, Any]:
    return up_to({"schema": "millrace/1", "nodes": nodes, "edges": lines, **more}, last, catalogue())


def ids(definition: dict[str, Any]) -> list[str]:
    return [each["id"] for each in definition["nodes"]]


def test_what_leads_there_and_nothing_else() -> None:
    nodes = [node(each) for each in "abcdx"]
    found = cut(nodes, edges("a b", "b c", "a x", "c d"), "c", output={"v": "{{ nodes.d.output }}"})
    assert ids(found) == ["a", "b", "c"]
    assert found["edges"] == edges("a b", "b c")
    assert "output" not in found


def test_a_pinned_node_is_its_output_and_what_only_led_to_it_is_left_out() -> None:
    nodes = [node("a", "http.request"), pinned("b", [1, 2], retry={"max_attempts": 3}, name="B"), node("c")]
    found = cut(nodes, edges("a b", "b c"), "c")
    assert ids(found) == ["b", "c"]
    assert found["nodes"][0] == {"id": "b", "name": "B", "ui": nodes[1]["ui"], "type": "transform", "config": {"value": [1, 2]}}


@pytest.mark.parametrize("read", ["nodes.a.output", "nodes['a'].output", 'nodes["a"]', "nodes.?a"])
def test_what_is_read_behind_a_pinned_node_still_runs(read: str) -> None:
    nodes = [node("a"), node("b"), pinned("c", {}), node("d", config={"assign": {"v": read}})]
    found = cut(nodes, edges("a b", "b c", "c d"), "d")
    assert ids(found) == ["a", "b", "c", "d"]
    assert found["edges"] == edges("a b", "b c", "c d")


def test_the_last_node_runs_though_something_is_pinned_to_it() -> None:
    assert cut([pinned("a", 1)], [], "a")["nodes"][0]["type"] == "http.request"


def test_a_pinned_node_that_chooses_a_way_runs() -> None:
    nodes = [pinned("a", {}, "condition", config={"expression": "true"}), node("b")]
    assert cut(nodes, edges("a b true"), "b")["nodes"][0]["type"] == "condition"


def test_errors_are_caught_only_where_something_is_left_to_catch_them() -> None:
    nodes = [node("a", "http.request", on_error="branch"), node("b"), node("c")]
    lines = edges("a b", "a c error")
    assert "on_error" not in cut(nodes, lines, "b")["nodes"][0]
    assert cut(nodes, lines, "c")["nodes"][0]["on_error"] == "branch"


def test_what_undoes_a_node_stays_and_what_is_on_the_way_is_not_named() -> None:
    nodes = [node("a", undo="u"), node("b", undo="c"), node("c"), node("u")]
    found = cut(nodes, edges("a b", "b c"), "b")
    assert ids(found) == ["a", "b", "u"]
    assert "undo" not in found["nodes"][1]


def test_an_unknown_node() -> None:
    with pytest.raises(KeyError):
        cut([node("a")], [], "b")

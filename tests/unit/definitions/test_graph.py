"""Compiled graphs: order, defaults, ancestors, and that nothing of them can be changed."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope
from chalicelib.definitions.graph import DEFAULT_RETRY_CLASSES, Graph, Link, Quorum, Retry, compile_graph
from chalicelib.definitions.schema import parse_definition
from tests.unit.definitions.fakes import CATALOGUE, definition, node


def graph(*nodes: dict[str, Any], **more: Any) -> Graph:
    return compile_graph(parse_definition(definition(*nodes, **more)), CATALOGUE)


def test_order_links_roots_and_ends() -> None:
    found = graph(node("d"), node("c"), node("b"), node("a"), edges=[("a", "b"), ("b", "d"), ("a", "error", "c"), ("c", "d")])
    order = list(found.nodes)
    assert all(order.index(link.source) < order.index(link.target) for each in found.nodes.values() for link in each.outgoing)
    assert found.roots == ("a",)
    assert found.ends == ("d",)
    assert set(found.nodes["a"].outgoing) == {Link("a", "main", "b"), Link("a", "error", "c")}
    assert {link.source for link in found.nodes["d"].incoming} == {"b", "c"}
    assert found.ancestors == {"a": frozenset(), "b": {"a"}, "c": {"a"}, "d": {"a", "b", "c"}}


def test_duplicate_edges_count_once() -> None:
    found = graph(node("a"), node("b"), edges=[("a", "b"), ("a", "main", "b")])
    assert len(found.nodes["b"].incoming) == 1


def test_nodes_that_only_undo_are_neither_roots_nor_ends() -> None:
    found = graph(
        node("first"),
        node("charge", undo="refund"),
        node("refund"),
        node("notify"),
        node("last"),
        edges=[("first", "charge"), ("charge", "last"), ("refund", "notify")],
    )
    assert found.roots == ("first",)
    assert found.ends == ("notify", "last") or found.ends == ("last", "notify")
    assert found.ancestors["refund"] == {"charge", "first"}
    assert found.ancestors["notify"] == {"refund", "charge", "first"}
    assert graph(node("charge", undo="refund"), node("refund")).ends == ("charge",)


def test_an_undo_that_stands_on_the_path_stays_on_it() -> None:
    found = graph(node("a", undo="b"), node("b"), edges=[("a", "error", "b")])
    assert found.roots == ("a",)
    assert found.ends == ("b",)


def test_retry_defaults() -> None:
    plain = graph(node("a", "http.request")).nodes["a"]
    assert plain.retry == Retry(3, 1.0, 2.0, 60.0, True, DEFAULT_RETRY_CLASSES, ())
    assert plain.retry.on == ("timeout", "connection", "http.408", "http.429", "http.5xx", "rate_limited")
    assert graph(node("a", "transform")).nodes["a"].retry is None
    assert graph(node("a", "transform", retry={"max_attempts": 2})).nodes["a"].retry == Retry(max_attempts=2)
    own = graph(node("a", "kafka.publish")).nodes["a"].retry
    assert own == Retry(max_attempts=7, on=("connection",))
    merged = graph(node("a", "kafka.publish", retry={"backoff": 3, "not_on": ["http.500"], "jitter": False})).nodes["a"].retry
    assert merged == Retry(max_attempts=7, backoff=3.0, jitter=False, on=("connection",), not_on=("http.500",))


def test_other_defaults() -> None:
    plain = graph(node("a", "http.request")).nodes["a"]
    assert (plain.timeout_seconds, plain.on_error, plain.join, plain.delivery, plain.undo, plain.name) == (
        60.0,
        "fail",
        "all",
        "at_least_once",
        None,
        "a",
    )
    assert plain.effect
    assert not graph(node("a")).nodes["a"].effect
    full = graph(
        node(
            "a",
            "http.request",
            name="A",
            timeout_seconds=5,
            join={"quorum": 1},
            delivery="at_most_once",
            sensitive=["/x"],
            disabled=True,
        )
    ).nodes["a"]
    assert (full.name, full.timeout_seconds, full.join, full.delivery, full.sensitive, full.disabled) == (
        "A",
        5,
        Quorum(1),
        "at_most_once",
        ("/x",),
        True,
    )


def test_templates_render_and_bare_cel_is_left_alone() -> None:
    found = graph(
        node("a", "condition", config={"expression": "input.x > 1", "note": "x is {{ input.x }}"}),
        output={"x": "{{ nodes.a.output }}"},
    )
    scope = Scope({"input": {"x": 2}, "nodes": {"a": {"output": {"result": True}}}}, now=datetime(2026, 1, 1, tzinfo=UTC), seed="")
    assert found.nodes["a"].config.render(scope) == {"expression": "input.x > 1", "note": "x is 2"}
    assert found.output is not None
    assert found.output.render(scope) == {"x": {"result": True}}
    assert graph(node("a")).output is None


def test_what_cannot_be_compiled() -> None:
    with pytest.raises(ValueError, match="a -> b -> a|b -> a -> b"):
        graph(node("a"), node("b"), edges=[("a", "b"), ("b", "a")])
    with pytest.raises(ValueError, match="unknown type 'nope'"):
        graph(node("a", "nope"))
    with pytest.raises(ExpressionError, match="node 'a'/x: "):
        graph(node("a", config={"x": "{{ 1 + }}"}))
    with pytest.raises(ExpressionError, match="output"):
        graph(node("a"), output="{{ 1 + }}")


def test_a_graph_is_immutable() -> None:
    found = graph(node("a"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.nodes["a"].type = "b"  # type: ignore[misc]
    with pytest.raises(TypeError):
        found.nodes["b"] = found.nodes["a"]  # type: ignore[index]
    with pytest.raises(TypeError):
        found.ancestors["a"] = frozenset()  # type: ignore[index]


@given(st.integers(2, 20), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_any_acyclic_graph_is_ordered_and_its_ancestors_are_its_paths(count: int, chance: random.Random) -> None:
    ids = [f"n{number}" for number in range(count)]
    edges = [(ids[a], ids[b]) for a in range(count) for b in range(a + 1, count) if chance.random() < 0.15]
    shuffled = ids[:]
    chance.shuffle(shuffled)
    found = graph(*(node(own_id) for own_id in shuffled), edges=edges)
    order = {own_id: at for at, own_id in enumerate(found.nodes)}
    assert all(order[source] < order[target] for source, target in edges)
    for own_id in ids:
        reached, pending = set(), [own_id]
        while pending:
            at = pending.pop()
            above = {source for source, target in edges if target == at} - reached
            reached |= above
            pending.extend(above)
        assert found.ancestors[own_id] == reached


def test_five_hundred_nodes_in_a_chain() -> None:
    ids = [f"n{number}" for number in range(500)]
    nodes = [node(own_id, config={"text": "{{ input.total }}"}) for own_id in ids]
    found = graph(*nodes, edges=list(zip(ids, ids[1:], strict=False)))
    assert list(found.nodes) == ids
    assert len(found.ancestors["n499"]) == 499

"""The planner: joins, dead paths, the instant a node became ready. Every graph of a small size ends, each node once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.definitions.graph import Graph, compile_graph
from chalicelib.definitions.schema import parse_definition
from chalicelib.engine import planner
from chalicelib.engine.planner import Fate
from chalicelib.engine.state import ExecutionState, NodeRun
from chalicelib.registry.catalogue import catalogue
from tests.support.workflows import definition

START = datetime(2026, 1, 1, tzinfo=UTC)


def graph_of(body: dict[str, Any]) -> Graph:
    return compile_graph(parse_definition(body), catalogue())


def fresh() -> ExecutionState:
    return ExecutionState("exe_1", "ws_1", "wf_1", "def_1", 1, {}, {}, START, START, "exe_1")


def ended(state: ExecutionState, node_id: str, status: str = "succeeded", port: str | None = "main", node_type: str = "transform", **more: Any) -> None:
    state.runs[(node_id, "")] = NodeRun(node_id, node_type, 1, status, port=port, final=True, finished_at=START, **more)


def merge(join: Any) -> Graph:
    nodes = [{"id": name, "type": "transform"} for name in ("a", "b", "c")]
    return graph_of(definition(*nodes, {"id": "m", "type": "transform", "join": join}, edges=[("a", "m"), ("b", "m"), ("c", "m")]))


@pytest.mark.parametrize(
    ("join", "ends", "fate"),
    [
        ("all", {}, Fate.UNDECIDED),
        ("all", {"a": "main", "b": "main"}, Fate.UNDECIDED),
        ("all", {"a": "main", "b": "main", "c": "main"}, Fate.READY),
        ("all", {"a": "main", "b": None, "c": "error"}, Fate.READY),
        ("all", {"a": None, "b": None, "c": None}, Fate.SKIPPED),
        ("any", {"b": "main"}, Fate.READY),
        ("any", {"a": None, "b": "error"}, Fate.UNDECIDED),
        ("any", {"a": None, "b": None, "c": None}, Fate.SKIPPED),
        ({"quorum": 2}, {"a": "main"}, Fate.UNDECIDED),
        ({"quorum": 2}, {"a": "main", "c": "main"}, Fate.READY),
        ({"quorum": 2}, {"a": None, "c": None}, Fate.SKIPPED),
    ],
)
def test_joins(join: Any, ends: dict[str, str | None], fate: Fate) -> None:
    graph, state = merge(join), fresh()
    for node_id, port in ends.items():
        ended(state, node_id, "skipped" if port is None else "succeeded", port)
    assert planner.node_fate(graph.nodes["m"], state.runs) is fate


def test_an_attempt_that_failed_and_will_be_made_again_decides_nothing() -> None:
    graph, state = merge("any"), fresh()
    state.runs[("a", "")] = NodeRun("a", "transform", 1, "failed", final=False)
    assert planner.node_fate(graph.nodes["m"], state.runs) is Fate.UNDECIDED


def test_ready_is_the_latest_durable_end_before_a_node() -> None:
    body = definition(
        {"id": "call", "type": "http.request", "config": {"url": "https://example.com"}},
        {"id": "pure", "type": "transform"},
        {"id": "pause", "type": "delay", "config": {"seconds": 1}},
        {"id": "end", "type": "transform"},
        edges=[("call", "pure"), ("pure", "end"), ("pause", "end")],
    )
    graph, state = graph_of(body), fresh()
    ended(state, "call", node_type="http.request")
    state.runs[("call", "")].finished_at = START + timedelta(seconds=5)
    ended(state, "pure")
    state.runs[("pure", "")].finished_at = START + timedelta(seconds=99)  # recomputed at another time: it does not count
    ended(state, "pause", node_type="delay", wake_at=START + timedelta(seconds=7))
    state.runs[("pause", "")].finished_at = START + timedelta(seconds=50)  # resumed late: what counts is when it was due
    assert planner.ready_at(graph, state, "pure", {}) == START + timedelta(seconds=5)
    assert planner.ready_at(graph, state, "end", {}) == START + timedelta(seconds=7)
    assert planner.ready_at(graph, state, "call", {}) == START


@st.composite
def dags(draw: st.DrawFn) -> dict[str, Any]:
    """Any acyclic graph of up to eight nodes, with conditions among them and any joins."""
    count = draw(st.integers(1, 8))
    nodes, edges = [], []
    for number in range(count):
        branching = draw(st.booleans())
        node = {"id": f"n{number}", "type": "condition" if branching else "transform", "join": draw(st.sampled_from(["all", "any"]))}
        node["config"] = {"expression": "true"} if branching else {}
        nodes.append(node)
        for before in range(number):
            if draw(st.integers(0, 2)) == 0:
                port = draw(st.sampled_from(["true", "false"])) if nodes[before]["type"] == "condition" else "main"
                edges.append((f"n{before}", port, f"n{number}"))
    return definition(*nodes, edges=edges)


@given(body=dags(), choices=st.lists(st.booleans(), min_size=8, max_size=8), data=st.data())
def test_whatever_the_graph_every_node_is_decided_exactly_once(body: dict[str, Any], choices: list[bool], data: st.DataObject) -> None:
    graph, state = graph_of(body), fresh()
    candidates = planner.frontier(graph, state)
    decided: list[str] = []
    while candidates:
        ready = [node_id for node_id in dict.fromkeys(candidates) if (node_id, "") not in state.runs]
        fates = {node_id: planner.node_fate(graph.nodes[node_id], state.runs) for node_id in ready}
        candidates = []
        settled = [node_id for node_id, fate in fates.items() if fate is not Fate.UNDECIDED]
        if not settled:
            break
        node_id = data.draw(st.sampled_from(settled))
        port = ("true" if choices[len(decided)] else "false") if graph.nodes[node_id].type == "condition" else "main"
        ended(state, node_id, *(("skipped", None) if fates[node_id] is Fate.SKIPPED else ("succeeded", port)))
        decided.append(node_id)
        candidates = [*(other for other in ready if other != node_id), *planner.successors(graph, (node_id,))]
    assert sorted(decided) == sorted(graph.nodes)

"""Which executions may go on with another definition: a table of what differs, and for random graphs, that whoever is let through could have come there."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.definitions.graph import compile_graph
from chalicelib.definitions.schema import parse_definition
from chalicelib.engine import planner
from chalicelib.engine.moves import Side, Standing, obstacles
from chalicelib.engine.state import ExecutionState, NodeRun
from chalicelib.registry.catalogue import catalogue
from tests.support.workflows import definition

START = datetime(2026, 1, 1, tzinfo=UTC)
Body = dict[str, Any]


def side(body: Body, types: Any = None) -> Side:
    return Side(compile_graph(parse_definition(body), catalogue()), body, types or {})


def standing(*runs: NodeRun, begun: bool = True, placed: bool = False, now: datetime = START, **fields: Any) -> Standing:
    state = ExecutionState("exe_1", "ws_1", "wf_1", "def_1", 1, {}, {"n": 1}, START, START, "exe_1", **fields)
    state.runs = {run.key: run for run in runs}
    return Standing(state, begun, placed, now)


def ran(node_id: str, node_type: str, port: str = "main", **more: Any) -> NodeRun:
    return NodeRun(node_id, node_type, 1, more.pop("status", "succeeded"), port=port, final=True, finished_at=START + timedelta(seconds=1), **more)


def open_run(node_id: str, node_type: str, status: str = "waiting", **more: Any) -> NodeRun:
    return NodeRun(node_id, node_type, 2 if node_type == "http.request" else 1, status, wake_at=START + timedelta(days=1), **more)


FETCH = {"id": "fetch", "type": "http.request", "config": {"url": "https://a.example/{{ nodes.ask.callback_url }}"}}
ASK = {"id": "ask", "type": "wait.callback", "config": {"timeout_seconds": 3600}}
WAIT = {"id": "wait", "type": "delay", "config": {"seconds": 86400}}
LAST = {"id": "last", "type": "transform", "config": {"assign": {"x": "1"}}}
NO = {"id": "no", "type": "transform"}
BASE = definition(
    FETCH,
    {"id": "check", "type": "condition", "config": {"expression": "input.n == 1"}},
    WAIT, NO, ASK, LAST,
    edges=[("fetch", "check"), ("check", "true", "wait"), ("check", "false", "no"), ("wait", "ask"), ("ask", "last")],
)  # fmt: skip
RUNS = (
    ran("fetch", "http.request"),
    ran("check", "condition", "true", started_seq=3),
    NodeRun("no", "transform", 0, "skipped", final=True, started_seq=4),
    open_run("wait", "delay", started_seq=5),
)


def with_node(node_id: str, **fields: Any) -> Body:
    body = copy.deepcopy(BASE)
    next(node for node in body["nodes"] if node["id"] == node_id).update(fields)
    return body


def without(node_id: str, *more_edges: tuple[str, ...]) -> Body:
    body = copy.deepcopy(BASE)
    body["nodes"] = [node for node in body["nodes"] if node["id"] != node_id]
    body["edges"] = [edge for edge in body["edges"] if node_id not in (edge["from"], edge["to"])]
    body["edges"] += [{"from": edge[0], "to": edge[-1], **({"port": edge[1]} if len(edge) == 3 else {})} for edge in more_edges]
    return body


def with_edges(*more_edges: tuple[str, ...], nodes: tuple[Body, ...] = ()) -> Body:
    body = copy.deepcopy(BASE)
    body["nodes"] += nodes
    body["edges"] += [{"from": edge[0], "to": edge[-1], **({"port": edge[1]} if len(edge) == 3 else {})} for edge in more_edges]
    return body


EXTRA = {"id": "extra", "type": "transform"}
MAY = {
    "the same": BASE,
    "another config of what has ended": with_node("fetch", config={"url": "https://b.example/"}),
    "another config of what has not begun": with_node("last", config={"assign": {"x": "2"}}),
    "another type of what has not begun": with_node("last", type="respond", config={}),
    "another name and place of what waits": with_node("wait", name="A day", ui={"x": 9, "y": 9}),
    "a node after what has ended": with_edges(("fetch", "extra"), nodes=(EXTRA,)),
    "a node that begins by itself": with_edges(nodes=(EXTRA,)),
    "a node behind what waits": with_edges(("wait", "extra"), nodes=(EXTRA,)),
    "without a node that has not begun": without("last"),
    "without a node that was skipped": without("no"),
    "another port to a node that stays skipped": without("no") | {"nodes": BASE["nodes"], "edges": [*without("no")["edges"], {"from": "check", "port": "error", "to": "no"}]},
    "another output": BASE | {"output": "{{ input.n }}"},
    "a time limit that is not over": BASE | {"settings": {"timeout_seconds": 60}},
    "an input schema that fits": BASE | {"input_schema": {"type": "object", "required": ["n"]}},
    "something more to hide": with_node("fetch", sensitive=["/body"]),
}
MAY_NOT: dict[str, tuple[Body, str, str | None]] = {
    "without a node that has ended": (without("fetch"), "node_removed", "fetch"),
    "without the node that waits": (without("wait", ("check", "true", "ask")), "node_removed", "wait"),
    "another type of what has ended": (with_node("fetch", type="transform", config={}), "node_type_changed", "fetch"),
    "another type of what waits": (with_node("wait", type="wait.callback", config={}), "node_type_changed", "wait"),
    "another config of what waits": (with_node("wait", config={"seconds": 5}), "node_changed", "wait"),
    "another join of what waits": (with_node("wait", join="any"), "node_changed", "wait"),
    "a node before one that has ended": (with_edges(("extra", "check"), nodes=(EXTRA,)), "decided_otherwise", "check"),
    "an edge to what was skipped": (with_edges(("fetch", "no")), "decided_otherwise", "no"),
    "no way to what waits": (without("wait") | {"nodes": BASE["nodes"], "edges": [*without("wait")["edges"], {"from": "check", "port": "false", "to": "wait"}]}, "decided_otherwise", "wait"),
    "what has ended only undoes": (without("fetch") | {"nodes": [FETCH, *({**node, "undo": "fetch"} if node["id"] == "last" else node for node in without("fetch")["nodes"])]}, "decided_otherwise", "fetch"),
    "a link that was given out leads nowhere": (without("ask"), "link_gone", "ask"),
    "a link that was given out leads to another form": (with_node("ask", type="approval", config={"message": "?"}), "link_gone", "ask"),
    "a time limit that is over": (BASE | {"settings": {"timeout_seconds": 1}}, "timeout_passed", None),
    "a concurrency key": (BASE | {"settings": {"concurrency": {"key": "{{ input.n }}"}}}, "concurrency_changed", None),
    "an input schema that does not fit": (BASE | {"input_schema": {"type": "object", "required": ["m"]}}, "input_refused", None),
}  # fmt: skip


@pytest.mark.parametrize("case", MAY)
def test_it_may_move(case: str) -> None:
    assert obstacles(standing(*RUNS, now=START + timedelta(seconds=30)), side(BASE), side(MAY[case])) == []


@pytest.mark.parametrize("case", MAY_NOT)
def test_it_may_not_move(case: str) -> None:
    body, code, node_id = MAY_NOT[case]
    found = obstacles(standing(*RUNS, now=START + timedelta(seconds=30)), side(BASE), side(body))
    assert (code, node_id) in [(each.code, each.node_id) for each in found]


def test_what_is_hidden_stays_hidden() -> None:
    hiding = with_node("fetch", sensitive=["/headers/x-token", "/body"])
    found = obstacles(standing(*RUNS), side(hiding), side(with_node("fetch", sensitive=["/body"])))
    assert [(each.code, each.node_id) for each in found] == [("sensitive_changed", "fetch")]
    assert "/headers/x-token" in found[0].message


def retried() -> Standing:
    return standing(ran("first", "transform"), open_run("call", "http.request", started_seq=4))


CALL = {"id": "call", "type": "http.request", "config": {"url": "https://a.example/", "body": {"v": 1}}}
RETRIED = definition({"id": "first", "type": "transform"}, CALL, edges=[("first", "call")])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (RETRIED, None),
        (definition({"id": "first", "type": "transform", "config": {"assign": {"a": "1"}}}, CALL, edges=[("first", "call")]), None),
        (definition({"id": "first", "type": "transform"}, {**CALL, "config": {**CALL["config"], "body": {"v": 2}}}, edges=[("first", "call")]), "node_changed"),
        (definition({"id": "first", "type": "transform"}, {**CALL, "retry": {"max_attempts": 9}}, edges=[("first", "call")]), "node_changed"),
    ],
)
def test_what_is_tried_again_is_sent_as_it_was(body: Body, code: str | None) -> None:
    assert [each.code for each in obstacles(retried(), side(RETRIED), side(body))] == ([code] if code else [])


def test_what_led_to_an_effect_decides_its_now() -> None:
    """With the delay between them gone from the way, `now()` in the body of the next attempt would be another."""
    late = {"id": "late", "type": "delay", "config": {"seconds": 60}}
    call = {**CALL, "join": "any"}
    old = definition({"id": "first", "type": "transform"}, late, call, edges=[("first", "late"), ("late", "call")])
    new = definition({"id": "first", "type": "transform"}, late, call, edges=[("first", "late"), ("late", "call"), ("first", "call")])
    slept = ran("late", "delay", wake_at=START + timedelta(seconds=60))
    slept.finished_at = START + timedelta(seconds=61)
    found = obstacles(standing(ran("first", "transform"), slept, open_run("call", "http.request")), side(old), side(new))
    assert [(each.code, each.node_id) for each in found] == [("node_changed", "call")]


def test_a_body_that_names_the_version_is_not_sent_twice_with_two() -> None:
    body = definition({"id": "first", "type": "transform"}, {**CALL, "config": {"url": "https://a.example/", "body": "{{ execution.version }}"}}, edges=[("first", "call")])
    assert [each.code for each in obstacles(retried(), side(body), side(body))] == ["node_changed"]


def test_a_workspaces_own_type_of_another_version_is_another_node() -> None:
    old, new = side(RETRIED, {"http.request": {"version": 1}}), side(RETRIED, {"http.request": {"version": 2}})
    assert [each.code for each in obstacles(retried(), old, new)] == ["node_changed"]


def test_while_it_is_undone_it_stays() -> None:
    assert [each.code for each in obstacles(standing(*RUNS, unwinding={"code": "x"}), side(BASE), side(BASE))] == ["undoing"]


def test_one_that_has_not_begun_may_take_another_concurrency_key_unless_it_queues_for_one() -> None:
    body = BASE | {"settings": {"concurrency": {"key": "k"}, "timeout_seconds": 1}}
    later = START + timedelta(days=1)
    assert obstacles(standing(begun=False, now=later), side(BASE), side(body)) == []
    assert [each.code for each in obstacles(standing(begun=False, placed=True, now=later), side(BASE), side(body))] == ["concurrency_changed"]


def test_a_lost_attempt_counts_as_begun() -> None:
    lost = NodeRun("call", "http.request", 1, "failed", error={"code": "engine.worker_lost"}, final=False, finished_at=START)
    changed = definition({"id": "first", "type": "transform"}, {**CALL, "timeout_seconds": 5}, edges=[("first", "call")])
    assert [each.code for each in obstacles(standing(ran("first", "transform"), lost), side(RETRIED), side(changed))] == ["node_changed"]


# -- random graphs ---------------------------------------------------------------------------------------------------------------------

TYPES = ("transform", "delay", "condition")
CONFIGS = {"transform": {}, "delay": {"seconds": 60}, "condition": {"expression": "true"}}


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True).map(sorted))
    nodes, edges = [], []
    for n, name in enumerate(names):
        node_type = draw(st.sampled_from(TYPES))
        nodes.append({"id": name, "type": node_type, "config": CONFIGS[node_type], "join": draw(st.sampled_from(["all", "any"]))})
        for source in draw(st.lists(st.integers(0, n - 1), max_size=2, unique=True)) if n else ():
            ports = ("true", "false") if nodes[source]["type"] == "condition" else ("main",)
            edges.append((names[source], draw(st.sampled_from(ports)), name))
    return definition(*nodes, edges=edges)


@st.composite
def edited(draw: st.DrawFn, body: Body) -> Body:
    """The body after a few edits: a node or an edge more or less, another join."""
    made = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        ids = [node["id"] for node in made["nodes"]]
        kind = draw(st.sampled_from(["node", "edge", "less", "fewer", "join"]))
        if kind == "node":
            free = sorted(set("abcdef") - set(ids))
            made["nodes"] += [{"id": name, "type": "transform", "config": {}} for name in free[:1]]
        elif kind == "edge":
            source, target = draw(st.sampled_from(ids)), draw(st.sampled_from(ids))
            port = "true" if next(node for node in made["nodes"] if node["id"] == source)["type"] == "condition" else "main"
            made["edges"] += [{"from": source, "port": port, "to": target}] if source < target else []
        elif kind == "less" and len(ids) > 1:
            gone = draw(st.sampled_from(ids))
            made["nodes"] = [node for node in made["nodes"] if node["id"] != gone]
            made["edges"] = [edge for edge in made["edges"] if gone not in (edge["from"], edge["to"])]
        elif kind == "fewer" and made["edges"]:
            made["edges"].pop(draw(st.integers(0, len(made["edges"]) - 1)))
        elif kind == "join":
            draw(st.sampled_from(made["nodes"]))["join"] = draw(st.sampled_from(["all", "any"]))
    return made


def advance(draw: st.DrawFn, body: Body) -> Standing:
    """Run a while: decide what can be decided, in any order; delays stay open or end."""
    graph, at = side(body).graph, standing()
    for seq in range(draw(st.integers(0, 8))):
        ready = [name for name in graph.nodes if (name, "") not in at.state.runs and planner.node_fate(graph.nodes[name], at.state.runs) is not planner.Fate.UNDECIDED]
        waiting = [run.node_id for run in at.state.open_runs()]
        if not ready and not waiting:
            break
        name = draw(st.sampled_from([*ready, *waiting]))
        node = graph.nodes[name]
        if planner.node_fate(node, at.state.runs) is planner.Fate.SKIPPED:
            at.state.runs[(name, "")] = NodeRun(name, node.type, 0, "skipped", final=True, started_seq=seq)
        elif node.type == "delay" and name in ready:
            at.state.runs[(name, "")] = open_run(name, "delay", started_seq=seq)
        else:
            port = draw(st.sampled_from(["true", "false"])) if node.type == "condition" else "main"
            run = ran(name, node.type, port, started_seq=seq)
            run.wake_at = START + timedelta(seconds=60) if node.type == "delay" else None
            at.state.runs[(name, "")] = run
    return at


@given(st.data())
def test_whoever_is_let_through_could_have_come_there(data: st.DataObject) -> None:
    """Its runs can be laid out again, each decided as it was by the other graph; and taking it up there decides nothing that was decided already."""
    body = data.draw(bodies())
    other = data.draw(edited(body))
    at = advance(data.draw, body)
    if obstacles(at, side(body), side(other)):
        return
    graph, left = side(other).graph, {key: run for key, run in at.state.runs.items() if key[0] in other_ids(other)}
    laid: dict[Any, NodeRun] = {}
    while left:
        fits = [key for key, run in left.items() if planner.node_fate(graph.nodes[key[0]], laid) is (planner.Fate.SKIPPED if run.status == "skipped" else planner.Fate.READY)]
        assert fits, left
        laid[fits[0]] = left.pop(fits[0])
    assert all(at.state.runs[key].status == "skipped" for key in at.state.runs if key[0] not in other_ids(other))
    assert all(graph.nodes[key[0]].type == run.type for key, run in laid.items() if run.status != "skipped")


@given(st.data())
def test_to_the_same_definition_everybody_may_move(data: st.DataObject) -> None:
    body = data.draw(bodies())
    assert obstacles(advance(data.draw, body), side(body), side(copy.deepcopy(body))) == []


def other_ids(body: Body) -> set[str]:
    return {node["id"] for node in body["nodes"]}

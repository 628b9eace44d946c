"""Whether an execution that nobody holds may go on with another definition. Pure: the rows, two graphs, a verdict.

The rule: what has happened must be what the other definition would have let happen, and what has begun must be the same node there. What has not begun may
differ in any way. docs/architecture/versions.md says why each obstacle is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from chalicelib.core.errors import ValidationFailed
from chalicelib.definitions.graph import Graph
from chalicelib.definitions.inputs import check_input
from chalicelib.engine import planner
from chalicelib.engine.state import ENDED, ExecutionState, Key, NodeRun

BESIDE = frozenset({"name", "ui"})  # of a node, what means nothing to the engine


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an execution cannot move: a stable code, words, and the node it is about, if it is about one."""

    code: str
    message: str
    node_id: str | None = None


@dataclass(frozen=True)
class Side:
    """One of the two definitions: its graph, its JSON, and the workspace's own node types it was frozen with, by name."""

    graph: Graph
    body: Mapping[str, Any]
    types: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> Mapping[str, Mapping[str, Any]]:
        """The nodes outside loops as they were written, by id."""
        return {node["id"]: node for node in self.body["nodes"]}

    def fate(self, node_id: str, runs: Mapping[Key, NodeRun]) -> planner.Fate:
        """What this definition would have decided of a node by now. One that it does not have, or has for undoing only, does not run."""
        node = self.graph.nodes.get(node_id)
        return planner.Fate.SKIPPED if node is None or node_id in self.graph.off_path else planner.node_fate(node, runs)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an execution stands. `begun` says that a worker has had it, `placed` that it holds or waits for a place under a concurrency key; `state` holds the newest
    run of each node outside loops, without outputs."""

    state: ExecutionState
    begun: bool
    placed: bool
    now: datetime


def obstacles(standing: Standing, old: Side, new: Side) -> list[Obstacle]:
    """Everything that keeps an execution from going on with `new`; none: it may move."""
    found = list(_as_a_whole(standing, old, new))
    if standing.state.unwinding is None:
        for run in sorted(standing.state.runs.values(), key=lambda run: run.started_seq):
            found += _of_a_run(run, standing.state, old, new)
        found += _links(standing.state, old, new)
    return found


def _as_a_whole(standing: Standing, old: Side, new: Side) -> Iterator[Obstacle]:
    state = standing.state
    if state.unwinding is not None:
        yield Obstacle("undoing", "the execution has failed and is being undone by the version it ran")
    if (standing.begun or standing.placed) and old.graph.settings.concurrency != new.graph.settings.concurrency:
        yield Obstacle("concurrency_changed", "settings.concurrency differs, and the execution has its place by the version it runs")
    seconds = new.graph.settings.timeout_seconds or planner.MAX_EXECUTION_SECONDS
    if standing.begun and state.started_at + timedelta(seconds=seconds) <= standing.now:
        yield Obstacle("timeout_passed", f"settings.timeout_seconds of {seconds:g} is over already for this execution")
    try:
        check_input(state.input, new.body.get("input_schema"))
    except ValidationFailed as error:
        first = error.errors[0]
        yield Obstacle("input_refused", f"input_schema does not take the execution's input: {first['path']}: {first['message']}")


def _of_a_run(run: NodeRun, state: ExecutionState, old: Side, new: Side) -> Iterator[Obstacle]:
    node_id = run.node_id
    if run.status != "skipped" and node_id not in new.nodes:
        yield Obstacle("node_removed", "this node has begun, and is not there", node_id)
    elif run.status != "skipped" and new.nodes[node_id]["type"] != run.type:
        yield Obstacle("node_type_changed", f"this node has begun as {run.type}, and is a {new.nodes[node_id]['type']}", node_id)
    elif new.fate(node_id, state.runs) is not old.fate(node_id, state.runs):
        yield Obstacle("decided_otherwise", "by what has happened so far, whether this node runs would have been decided otherwise", node_id)
    elif run.status != "skipped":
        hidden = _sensitive(old.nodes[node_id]) - _sensitive(new.nodes[node_id])
        if hidden:
            yield Obstacle("sensitive_changed", f"history would show what {min(hidden)[1]} of this node hides", node_id)
        if run.status not in ENDED or not run.final:
            yield from _of_an_open_run(run, state, old, new)


def _of_an_open_run(run: NodeRun, state: ExecutionState, old: Side, new: Side) -> Iterator[Obstacle]:
    """A node that waits, is tried again, or loops: what it does next must be what it would have done."""
    node_id = run.node_id
    before, after = old.nodes[node_id], new.nodes[node_id]
    changed = sorted(name for name in (before.keys() | after.keys()) - BESIDE if before.get(name) != after.get(name))
    if changed:
        yield Obstacle("node_changed", f"this node has begun and not ended, and its {', '.join(changed)} differs", node_id)
    elif old.types.get(run.type) != new.types.get(run.type):
        yield Obstacle("node_changed", f"this node has begun and not ended, and its type {run.type} is of another version", node_id)
    elif _ready_at(run, state, old.graph) != _ready_at(run, state, new.graph):
        yield Obstacle("node_changed", "this node has begun and not ended, and what led to it differs", node_id)
    elif any(read.root == "execution" and read.steps[:1] in ((), ("version",)) for read in new.graph.nodes[node_id].reads):
        yield Obstacle("node_changed", "this node has begun and not ended, and reads execution.version", node_id)


def _ready_at(run: NodeRun, state: ExecutionState, graph: Graph) -> datetime:
    return planner.ready_at(graph, state, run.node_id, {})


def _links(state: ExecutionState, old: Side, new: Side) -> Iterator[Obstacle]:
    """Links that were read, and so may be in somebody's hands, of nodes that have not begun."""
    begun = [old.graph.nodes[run.node_id] for run in state.runs.values() if run.status != "skipped"]
    for name in sorted(_linked(read.steps for node in begun for read in node.reads if read.root == "nodes")):
        before, after = old.graph.nodes.get(name), new.graph.nodes.get(name)
        if before is not None and (name, "") not in state.runs and (after is None or after.type != before.type):
            yield Obstacle("link_gone", "a node that has run was given this node's callback_url, which would lead nowhere", name)


def _linked(paths: Iterable[tuple[Any, ...]]) -> set[str]:
    return {str(steps[0]) for steps in paths if steps and (len(steps) == 1 or steps[1] == "callback_url")}


def _sensitive(node: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(node, pointer) of what history hides of a node and of those in its body."""
    found = {(node["id"], pointer) for pointer in node.get("sensitive", ())}
    body = node.get("config", {}).get("body")
    for inner in body.get("nodes", ()) if isinstance(body, Mapping) else ():
        found |= _sensitive(inner)
    return found

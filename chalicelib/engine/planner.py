"""What happens next, decided purely: given the graph and what has run, which nodes are ready, which are skipped, and how an execution ends.

Every edge ends up taken or dead. An edge is taken when its source ended through the edge's port, dead when it ended through another one or was skipped. A
node is decided by its join over its incoming edges, so a merge after a branch can neither hang nor run twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum

from chalicelib.definitions.graph import Graph, GraphNode, Link
from chalicelib.engine.state import ENDED, ExecutionState, Key, NodeRun

MAX_EXECUTION_SECONDS = 365 * 86400


class Edge(Enum):
    """The fate of an edge."""

    OPEN = "open"
    TAKEN = "taken"
    DEAD = "dead"


class Fate(Enum):
    """What the incoming edges say about a node that has not begun."""

    UNDECIDED = "undecided"
    READY = "ready"
    SKIPPED = "skipped"


def edge_fate(link: Link, runs: Mapping[Key, NodeRun], iteration: str = "") -> Edge:
    """The fate of one edge, within one iteration."""
    run = runs.get((link.source, iteration))
    if run is None or run.status not in ENDED or not run.final:
        return Edge.OPEN
    return Edge.TAKEN if run.status != "skipped" and run.port == link.port else Edge.DEAD


def node_fate(node: GraphNode, runs: Mapping[Key, NodeRun], iteration: str = "") -> Fate:
    """Whether a node that has not begun is ready, skipped, or must wait for more of its edges."""
    if not node.incoming:
        return Fate.READY
    fates = [edge_fate(link, runs, iteration) for link in node.incoming]
    taken, still_open = fates.count(Edge.TAKEN), fates.count(Edge.OPEN)
    needed = taken_needed(node.join, len(fates))
    if needed is None:  # all of the live ones
        if still_open:
            return Fate.UNDECIDED
        return Fate.READY if taken else Fate.SKIPPED
    if taken >= needed:
        return Fate.READY
    return Fate.UNDECIDED if taken + still_open >= needed else Fate.SKIPPED


def taken_needed(join: object, incoming: int) -> int | None:
    """How many edges must be taken: 1 for `any`, n for a quorum; None for `all`, which waits until every edge is decided."""
    if join == "any":
        return 1
    quorum = getattr(join, "quorum", None)
    return min(int(quorum), incoming) if quorum is not None else None


def frontier(graph: Graph, state: ExecutionState, iteration: str = "") -> list[str]:
    """Nodes that may be decidable, after loading: all that have not begun, in topological order."""
    return [node_id for node_id in graph.nodes if (node_id, iteration) not in state.runs and _on_path(graph, node_id)]


def useless(graph: Graph, runs: Mapping[Key, NodeRun], iteration: str = "") -> set[str]:
    """Nodes that run for nothing but joins that have gone on without them: no way leads from them to an end or to a node that has not begun.

    A way through the port `error` does not count: it is only taken when the node fails.
    """
    found: set[str] = set()
    for node_id in reversed(list(graph.nodes)):
        ways = [link.target for link in graph.nodes[node_id].outgoing if link.port != "error"]
        if ways and all(_went_ahead(graph, runs, target, iteration) or target in found for target in ways):
            found.add(node_id)
    return found


def _went_ahead(graph: Graph, runs: Mapping[Key, NodeRun], node_id: str, iteration: str) -> bool:
    run = runs.get((node_id, iteration))
    return run is not None and run.status != "skipped" and graph.nodes[node_id].join != "all"


def successors(graph: Graph, node_ids: Iterable[str]) -> list[str]:
    """Nodes whose fate may have changed now that these have ended."""
    seen = dict.fromkeys(link.target for node_id in node_ids for link in graph.nodes[node_id].outgoing)
    return list(seen)


def _on_path(graph: Graph, node_id: str) -> bool:
    return bool(graph.nodes[node_id].incoming) or node_id in graph.roots


def ready_at(
    graph: Graph,
    state: ExecutionState,
    node_id: str,
    memo: dict[str, datetime],
    iteration: str = "",
    began: datetime | None = None,
) -> datetime:
    """The instant a node became ready: what `now()` gives in its expressions.

    Made from durable facts only, so that computing it again after a crash gives the same: the execution's start for a first node, else the logical end
    of the predecessor whose edge was the last one needed (`began` is the start of an item within a loop). An effect ends when its result was recorded, a delay at its time; a pure node ends, logically, the instant it
    became ready. `memo` may be kept as long as the execution is held.
    """
    if node_id in memo:
        return memo[node_id]
    pending = [node_id]
    while pending:  # by hand, not by recursion: a chain may be 500 nodes long
        current = graph.nodes[pending[-1]]
        sources = [link.source for link in current.incoming if edge_fate(link, state.runs, iteration) is Edge.TAKEN]
        missing = [source for source in sources if fixed_end(graph, state, source, iteration) is None and source not in memo]
        if missing:
            pending.extend(missing)
            continue
        ends = sorted(fixed_end(graph, state, source, iteration) or memo[source] for source in sources)
        needed = min(taken_needed(current.join, len(current.incoming)) or len(ends), len(ends))
        memo[current.id] = ends[needed - 1] if ends else began or state.started_at
        pending.pop()
    return memo[node_id]


def fixed_end(graph: Graph, state: ExecutionState, node_id: str, iteration: str = "") -> datetime | None:
    """The logical end of a node where its row has it; None for a pure node, which ends the instant it became ready."""
    run, node = state.runs[(node_id, iteration)], graph.nodes[node_id]
    if node.effect or node.body is not None:
        return run.finished_at
    if run.wake_at is not None and run.finished_at is not None:
        return min(run.wake_at, run.finished_at)
    return None


def due(state: ExecutionState, now: datetime) -> list[NodeRun]:
    """Waiting runs whose time has come, earliest first."""
    waiting = (run for run in state.open_runs() if run.waits and run.wake_at is not None and run.wake_at <= now)
    return sorted(waiting, key=lambda run: (run.wake_at, run.started_seq))


def deadline(graph: Graph, state: ExecutionState) -> datetime:
    """When the execution as a whole times out. While nodes are undone it does not; a part of a loop leaves that to its parent."""
    if state.unwinding is not None or state.part is not None:
        return state.started_at + timedelta(seconds=2 * MAX_EXECUTION_SECONDS)
    return state.started_at + timedelta(seconds=graph.settings.timeout_seconds or MAX_EXECUTION_SECONDS)


def next_wake(graph: Graph, state: ExecutionState) -> datetime:
    """When an execution with nothing running next needs attention: its earliest timer, or its own deadline."""
    timers = (run.wake_at for run in state.open_runs() if run.wake_at is not None)
    return min((deadline(graph, state), *timers))

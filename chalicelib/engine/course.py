"""The books of one execution while a worker holds it: its runs, what expressions see of them, and what has changed since the last save.

A *frame* is where nodes run: the definition's graph, or the body of a loop for one item. Frames are told apart by their iteration.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.core.clock import parse, to_text
from chalicelib.definitions.graph import Graph, GraphNode
from chalicelib.engine import planner
from chalicelib.engine.history import scope_value
from chalicelib.engine.links import links
from chalicelib.engine.saves import Finish, Links
from chalicelib.engine.scopes import LazyScope, Unloaded, make_scope
from chalicelib.engine.state import ENDED, LARGE_BYTES, ExecutionState, Key, NodeRun
from chalicelib.registry.catalogue import ActionCatalogue


@dataclass(slots=True)
class Frame:
    """`values` is what its expressions see as `nodes`: its own, then those around it. `began` is the logical instant it began, `extra` are `item` and `index`."""

    graph: Graph
    iteration: str
    began: datetime
    values: dict[str, dict[str, Any]]
    extra: Mapping[str, Any] = field(default_factory=dict)
    memo: dict[str, datetime] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    loop: Key | None = None  # the loop whose item it is; the place among that loop's items
    place: int = 0


class Course:
    """What a burst and its mechanisms share. `dirty` says that a fact must be durable before anything depends on it."""

    def __init__(self, graph: Graph, state: ExecutionState, types: ActionCatalogue, now: Callable[[], datetime]) -> None:
        self.graph, self.state, self.types, self.now = graph, state, types, now
        self.frames: dict[str, Frame] = {}
        self.touched: dict[tuple[str, str, int], NodeRun] = {}
        self.dirty = False
        self.candidates: deque[Key] = deque()
        self.stirred: dict[str, None] = {}  # iterations in which something ended
        self.finish: Finish | None = None
        self.links = Links()
        self.wanted: set[Key] = set()  # outputs to load
        self.names = state_names(state)

    # -- frames --------------------------------------------------------------------------------------------------------------------

    def open_frame(
        self,
        graph: Graph,
        iteration: str,
        began: datetime,
        *,
        around: Frame | None = None,
        extra: Mapping[str, Any] | None = None,
        loop: Key | None = None,
        place: int = 0,
    ) -> Frame:
        """A frame, with the values of those of its nodes that have ended."""
        found = links(graph, self.state.execution_id, self.types, iteration)
        frame = Frame(graph, iteration, began, dict(around.values) if around else {}, extra or {}, links=found, loop=loop, place=place)
        runs = self.state.runs
        for node_id in graph.nodes:
            run = runs.get((node_id, iteration))
            if run is not None:
                frame.values[node_id] = self._value(run, found.get(node_id))
            else:
                frame.values[node_id] = {"callback_url": found[node_id]} if node_id in found else {}
        self.frames[iteration] = frame
        if self.state.unwinding is not None:
            self.let_undo(frame)
        return frame

    def let_undo(self, frame: Frame) -> None:
        """What undoes became ready when the execution failed."""
        failed_at = parse((self.state.unwinding or {})["failed_at"])
        frame.memo.update(dict.fromkeys(frame.graph.undoes, failed_at))

    def frame_of(self, run: NodeRun) -> Frame:
        """Where a run runs."""
        return self.frames[run.iteration]

    def node_of(self, run: NodeRun) -> GraphNode:
        """The node of a run."""
        return self.frames[run.iteration].graph.nodes[run.node_id]

    def scope(self, frame: Frame, ready_at: datetime, seed: str) -> LazyScope:
        """What expressions see in this frame."""
        return make_scope({**self.names, **frame.extra, "nodes": frame.values}, ready_at, seed)

    def seed_of(self, node_id: str, iteration: str) -> str:
        """What a node's idempotency key is, and what its uuid() and random() derive from: the same on every attempt and every recomputation."""
        return f"{self.state.key_origin}.{node_id}" + (f".{iteration}" if iteration else "")

    def ready_at(self, frame: Frame, node_id: str) -> datetime:
        """The instant a node became ready, made from durable facts."""
        return planner.ready_at(frame.graph, self.state, node_id, frame.memo, frame.iteration, frame.began)

    def ended_at(self, frame: Frame) -> datetime:
        """The logical end of a frame: the latest of its nodes'."""
        latest = frame.began
        for node_id in frame.graph.nodes:
            run = self.state.runs.get((node_id, frame.iteration))
            if run is not None and run.status in ENDED and run.status != "skipped":
                fixed = planner.fixed_end(frame.graph, self.state, node_id, frame.iteration)
                latest = max(latest, fixed or self.ready_at(frame, node_id))
        return latest

    def has_open(self, frame: Frame) -> bool:
        """Whether something in the frame has begun and not ended."""
        runs = (self.state.runs.get((node_id, frame.iteration)) for node_id in frame.graph.nodes)
        return any(run is not None and run.status not in ENDED for run in runs)

    # -- runs ----------------------------------------------------------------------------------------------------------------------

    def begin(self, frame: Frame, node: GraphNode, before: NodeRun | None) -> NodeRun:
        """The run of the next attempt: the waiting one where there is one, else a new one."""
        now = self.now()
        if before is not None and before.status == "waiting":
            run = before
            run.started_at = now
            run.move("running")
        else:
            run = NodeRun(node.id, node.type, before.attempt + 1 if before else 1, "running", frame.iteration)
            run.started_seq = self.state.next_seq()
            run.started_at = now
            run.first_started_at = before.first_started_at if before else now
            run.lost = before.lost if before else 0
        self.state.runs[run.key] = run
        return run

    def skip(self, frame: Frame, node: GraphNode) -> None:
        """A node that does not run."""
        run = NodeRun(node.id, node.type, 0, "queued", frame.iteration, started_seq=self.state.next_seq(), started_at=self.now())
        self.ended(run, "skipped")

    def ended(self, run: NodeRun, status: str, *, saved: bool = False) -> None:
        """Record a run's end and look at what follows it. `saved`: its row says so already."""
        if not saved:
            run.finished_at = self.now()
            run.finished_seq = self.state.next_seq()
            self.touch(run)
        run.final = True
        run.move(status)
        self.state.runs[run.key] = run
        frame = self.frames.get(run.iteration)
        if frame is None:
            return  # it is cut off before the loop it is in was taken up again
        frame.values[run.node_id] = self._value(run, frame.links.get(run.node_id))
        node = frame.graph.nodes[run.node_id]
        if node.effect or node.type == "respond" or node.body is not None:
            self.dirty = True
        self.candidates.extend((target, run.iteration) for target in planner.successors(frame.graph, (run.node_id,)))
        self.stirred[run.iteration] = None

    def touch(self, run: NodeRun) -> None:
        """Its row is to be written with the next save."""
        self.touched[(run.node_id, run.iteration, run.attempt)] = run

    def load(self, key: Key, output: Any) -> None:
        """An output that was only in its row is here now."""
        run = self.state.runs[key]
        run.output, run.unloaded = output, False
        for frame in self.frames.values():
            value = frame.values.get(key[0])
            if value is not None and type(value.get("output")) is Unloaded and value["output"].key == key:
                value["output"] = output

    @staticmethod
    def _value(run: NodeRun, link: str | None) -> dict[str, Any]:
        value = scope_value(run, link)
        if run.unloaded and run.status == "succeeded":
            value["output"] = Unloaded(run.key)
        return value

    @property
    def light(self) -> bool:
        """Whether nothing large is held, so that the execution may be kept in the cache as it is."""
        return all(run.bytes <= LARGE_BYTES for run in self.state.runs.values())


def state_names(state: ExecutionState) -> dict[str, Any]:
    """What expressions see beside `nodes`. A part of a loop sees what its parent handed down."""
    if state.part is not None:
        return {name: value for name, value in state.input["scope"].items() if name != "nodes"}
    execution = {
        "id": state.execution_id,
        "workflow_id": state.workflow_id,
        "version": state.version,
        "started_at": to_text(state.started_at),
    }
    return {"input": state.input, "trigger": state.trigger, "execution": execution}

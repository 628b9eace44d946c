"""What a worker knows of one execution: its start and the newest run of each node. Rebuilt from the rows, or read from the cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.core.clock import parse, to_text

ENDED = frozenset({"succeeded", "failed", "skipped", "cancelled"})
EXECUTION_ENDED = frozenset({"succeeded", "failed", "cancelled"})

# Node run statuses and where each may go; terminal ones go nowhere, which a trigger in the database also enforces.
NODE_TRANSITIONS: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "waiting", "succeeded", "failed", "skipped", "cancelled"}),
    "running": frozenset({"waiting", "succeeded", "failed", "cancelled"}),
    "waiting": frozenset({"running", "succeeded", "failed", "cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "skipped": frozenset(),
    "cancelled": frozenset(),
}

Key = tuple[str, str]  # node id, iteration ("" outside loops, else such as "each:3" or, in a loop within a loop, "each:3/inner:0")

LARGE_BYTES = 256 * 1024  # an output larger than this is not loaded until an expression reads it
SLOT_PORT = "slot"  # what an attempt that waits for its turn under a rate limit has for a port: the turn at its `wake_at` is its own
CHILD_PORT = "child"  # what a run that waits for another execution has for a port, until that one ends


def item_iteration(outer: str, node_id: str, index: int) -> str:
    """The iteration of what runs for one item of a loop."""
    return f"{outer}/{node_id}:{index}" if outer else f"{node_id}:{index}"


def shown_iteration(iteration: str) -> str | None:
    """An iteration as the API shows it: the indexes, outermost first, joined by dots ("3", "3.0"); None outside loops."""
    return ".".join(part.rpartition(":")[2] for part in iteration.split("/")) if iteration else None


@dataclass(slots=True)
class NodeRun:
    """One attempt of one node. `final` says that no further attempt follows, so edges are decided; `lost` counts attempts a dead worker left behind;
    `unloaded` that the output is in the row, `bytes` long, and not here."""

    node_id: str
    type: str
    attempt: int
    status: str
    iteration: str = ""
    port: str | None = None
    input: Any = None
    output: Any = None
    error: dict[str, Any] | None = None
    started_seq: int = 0
    finished_seq: int | None = None
    first_started_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wake_at: datetime | None = None
    final: bool = False
    lost: int = 0
    console: list[dict[str, str]] = field(default_factory=list)
    bytes: int = 0
    unloaded: bool = False

    @property
    def key(self) -> Key:
        """Which node run this is, whatever the attempt."""
        return (self.node_id, self.iteration)

    @property
    def waits(self) -> bool:
        """Whether it sleeps until `wake_at`: a delay, or a retry's back-off."""
        return self.status == "waiting"

    def move(self, status: str) -> None:
        """Change the status; raises ValueError on a way the table above does not have."""
        if status not in NODE_TRANSITIONS[self.status]:
            raise ValueError(f"node {self.node_id} cannot go from {self.status} to {status}")
        self.status = status


@dataclass(slots=True)
class ExecutionState:
    """Everything needed to go on with an execution. `runs` holds the newest attempt of each node that has begun or been skipped."""

    execution_id: str
    workspace_id: str
    workflow_id: str
    definition_id: str
    version: int | None
    trigger: dict[str, Any]
    input: Any
    created_at: datetime
    started_at: datetime
    key_origin: str
    parent_id: str | None = None
    parent_node: str | None = None
    parent_iteration: str = ""
    part: int | None = None  # a hidden execution for the items of its parent's loop from this index on
    depth: int = 0
    unwinding: dict[str, Any] | None = None  # the error of an execution whose succeeded nodes are being undone
    spent: int = 0  # node runs of children that have ended
    bytes: int = 0
    admitted: bool = False
    seq: int = 2
    runs: dict[Key, NodeRun] = field(default_factory=dict)

    def next_seq(self) -> int:
        """The next event number; 1 is the creation, 2 the start."""
        self.seq += 1
        return self.seq

    def open_runs(self) -> list[NodeRun]:
        """Runs that have begun and not ended."""
        return [run for run in self.runs.values() if run.status not in ENDED]

    def as_json(self) -> dict[str, Any]:
        """For the cache."""
        data = asdict(self)
        data["runs"] = [_times_as_text(_light(run), _RUN_TIMES) for run in data["runs"].values()]
        return _times_as_text(data, ("created_at", "started_at"))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ExecutionState:
        """From the cache. Raises on anything that does not fit, which the caller takes as a miss."""
        runs = [NodeRun(**_times_from_text(run, _RUN_TIMES)) for run in data.pop("runs")]
        state = cls(**_times_from_text(data, ("created_at", "started_at")))
        state.runs = {run.key: run for run in runs}
        return state


def _light(run: dict[str, Any]) -> dict[str, Any]:
    """A run for the cache: without its input, which only its row needs again, and without a large output."""
    return {**run, "output": None, "unloaded": True} if run["bytes"] > LARGE_BYTES else run


_RUN_TIMES = ("first_started_at", "started_at", "finished_at", "wake_at")


def _times_as_text(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**data, **{name: to_text(data[name]) for name in names}}


def _times_from_text(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**data, **{name: parse(data[name]) if data[name] is not None else None for name in names}}

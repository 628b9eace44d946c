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

Key = tuple[str, str]  # node id, iteration ("" outside loops)


@dataclass(slots=True)
class NodeRun:
    """One attempt of one node. `final` says that no further attempt follows, so edges are decided; `lost` counts attempts a dead worker left behind."""

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
        data["runs"] = [_times_as_text(run, _RUN_TIMES) for run in data["runs"].values()]
        return _times_as_text(data, ("created_at", "started_at"))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ExecutionState:
        """From the cache. Raises on anything that does not fit, which the caller takes as a miss."""
        runs = [NodeRun(**_times_from_text(run, _RUN_TIMES)) for run in data.pop("runs")]
        state = cls(**_times_from_text(data, ("created_at", "started_at")))
        state.runs = {run.key: run for run in runs}
        return state


_RUN_TIMES = ("first_started_at", "started_at", "finished_at", "wake_at")


def _times_as_text(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**data, **{name: to_text(data[name]) for name in names}}


def _times_from_text(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**data, **{name: parse(data[name]) if data[name] is not None else None for name in names}}

"""One node by itself, with pinned data: what `POST /registry/actions/{type}/test` runs.

It is a burst over one node whose saves go nowhere, so that every type behaves as it does in a workflow. Its effects are real.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from chalicelib.core.clock import utc_now
from chalicelib.core.errors import ExpressionError
from chalicelib.core.http import close_http_client
from chalicelib.core.ids import new_id
from chalicelib.definitions.graph import Graph, compile_graph
from chalicelib.definitions.schema import Definition, Node, RetryPolicy
from chalicelib.engine.burst import Burst
from chalicelib.engine.held import Held
from chalicelib.engine.history import error_of
from chalicelib.engine.repository import Claim, EngineRepository, Result, Target
from chalicelib.engine.saves import Flusher, Save, SaveResult
from chalicelib.engine.state import ExecutionState
from chalicelib.engine.tools import Tools
from chalicelib.registry.catalogue import ActionCatalogue

NODE_ID = "tested_node"
LONGEST_SECONDS = 25.0  # an answer of the API must come within 29
NAMES = ("input", "trigger", "execution")

FindWorkflow = Callable[[str], Target | None]


@dataclass
class Rehearsed:
    """What came of it. `starts` are executions to start (a workflow that the node runs), as rows."""

    status: str
    output: Any
    error: dict[str, Any] | None
    seconds: float
    console: list[dict[str, str]] = field(default_factory=list)
    starts: list[dict[str, Any]] = field(default_factory=list)


class _Books:
    """Saves that go nowhere; only what they would start is kept."""

    def __init__(self) -> None:
        self.starts: list[dict[str, Any]] = []

    async def save(self, save: Save) -> SaveResult:
        """It always lands."""
        self.starts += save.links.starts if save.links else []
        return SaveResult(True, save.epoch + 1, save.seen)


class _Shelves:
    """A repository that has nothing but workflows."""

    def __init__(self, find: FindWorkflow) -> None:
        self._find = find

    async def workflow(self, _workspace_id: str, name: str) -> Target | None:
        """The workflow of that slug or id."""
        return self._find(name)

    async def events_before(self, _execution_id: str) -> list[dict[str, Any]]:
        """None."""
        return []

    async def parts(self, _execution_id: str) -> list[Any]:
        """None."""
        return []

    async def results(self, _ids: Any) -> dict[str, Result]:
        """None."""
        return {}

    async def credential_limits(self, _workspace_id: str) -> dict[str, Any]:
        """None: what is tried by hand waits for no turn."""
        return {}


class _Rehearsal(Burst):
    """A burst whose node sees what the context pins down."""

    context: Mapping[str, Any]

    async def _adopt(self) -> bool:
        self.course.names.update({name: self.context[name] for name in NAMES if name in self.context})
        adopted = await super()._adopt()
        frame = self.course.frames[""]
        frame.values.update(self.context.get("nodes", {}))
        frame.extra = {name: self.context[name] for name in ("item", "index") if name in self.context}
        return adopted


def rehearse(
    node_type: str,
    config: dict[str, Any],
    context: Mapping[str, Any],
    workspace_id: str,
    types: ActionCatalogue,
    find: FindWorkflow,
    workflow_id: str = "",
) -> Rehearsed:
    """Run one node of this type with this config (its expressions included) and see what comes of it. `context` holds input, trigger, nodes, execution, item and
    index, as expressions see them; `workflow_id` is the workflow it acts for, which credentials may be bound to. A node that waits is `waiting`. Never raises for what is wrong with config or context."""
    began = time.perf_counter()
    try:
        node = Node(id=NODE_ID, type=node_type, config=config, retry=RetryPolicy(max_attempts=1), timeout_seconds=LONGEST_SECONDS)
        graph = compile_graph(Definition(schema="millrace/1", nodes=[node]), types)
    except ExpressionError as error:
        return Rehearsed("failed", None, error_of(error.code, error.detail), time.perf_counter() - began)
    except ValueError as error:
        return Rehearsed("failed", None, error_of("invalid_config", str(error)), time.perf_counter() - began)
    found = asyncio.run(_run(graph, context, workspace_id, types, find, workflow_id))
    found.seconds = time.perf_counter() - began
    return found


async def _run(
    graph: Graph, context: Mapping[str, Any], workspace_id: str, types: ActionCatalogue, find: FindWorkflow, workflow_id: str
) -> Rehearsed:
    books, now = _Books(), utc_now()
    burst = _Rehearsal(_held(now), graph, _state(context, workspace_id, workflow_id, now), _tools(books, types, find))
    burst.context = context
    try:
        async with asyncio.timeout(LONGEST_SECONDS + 1):
            await burst.run()
    except TimeoutError:
        return Rehearsed("failed", None, error_of("timeout", f"no result within {LONGEST_SECONDS:g} seconds", error_class="timeout"), 0.0)
    finally:
        await close_http_client()
    run = burst.state.runs.get((NODE_ID, ""))
    if run is None:
        return Rehearsed("failed", None, burst.finish.error if burst.finish else None, 0.0)
    if any(start.get("part") is not None for start in books.starts):
        return Rehearsed("failed", None, error_of("too_many_items", "a test runs a loop over at most 100 items"), 0.0)
    error = {name: value for name, value in run.error.items() if name != "node_id"} if run.error else None
    return Rehearsed(run.status, run.output, error, 0.0, run.console, books.starts)


def _held(now: datetime) -> Held:
    return Held(Claim(new_id("exe"), 1, 0, 0, False, now, now, now), 1, 0, float("inf"))


def _state(context: Mapping[str, Any], workspace_id: str, workflow_id: str, now: datetime) -> ExecutionState:
    own_id = new_id("exe")
    return ExecutionState(
        execution_id=own_id,
        workspace_id=workspace_id,
        workflow_id=workflow_id,
        definition_id="",
        version=None,
        trigger=context.get("trigger", {}),
        input=context.get("input", {}),
        created_at=now,
        started_at=now,
        key_origin=own_id,
    )


def _tools(books: _Books, types: ActionCatalogue, find: FindWorkflow) -> Tools:
    async def nothing(_execution_id: str) -> list[Any]:
        return []

    return Tools(
        catalogue=types,
        flusher=cast(Flusher, books),
        now=utc_now,
        inbox=cast(Callable[[str], Awaitable[list[Any]]], nothing),
        extend=lambda _held, _sent_at: None,
        has_time_for=lambda _seconds: True,
        clients={},
        repository=cast(EngineRepository, _Shelves(find)),
    )

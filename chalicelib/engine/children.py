"""Executions that this one starts: sub-workflows it waits for or not, the parts of its loops, and what follows its failure.

A child's row is written by the save that says in its parent's history that it runs, so it is started exactly once. A child's end tells its parent in the same
statement; cancelling a parent tells its children.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import ValidationFailed
from chalicelib.core.ids import new_id_after
from chalicelib.core.jsontext import dumps
from chalicelib.definitions.inputs import check_input
from chalicelib.engine.repository import Target
from chalicelib.engine.saves import Finish, Links
from chalicelib.engine.state import CHILD_PORT, NodeRun
from chalicelib.registry.spec import ActionError, Done, Start

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst

MAX_DEPTH = 8


class Children:
    """`requests` are nodes whose workflow has still to be looked up, `ended` the nodes whose execution has ended."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self.requests: list[tuple[NodeRun, Start]] = []
        self.ended: list[NodeRun] = []

    async def resolve(self) -> None:
        """Look the workflows up and start them with the next save."""
        requests, self.requests = self.requests, []
        for run, wish in requests:
            if run.status != "running":
                continue
            found = await self._target(wish)
            if isinstance(found, ActionError):
                self._burst.attempts.failed(run, found)
            else:
                self._start(run, wish, found)

    async def _target(self, wish: Start) -> Target | ActionError:
        burst = self._burst
        if burst.state.depth + 1 > MAX_DEPTH:
            return ActionError("nesting_too_deep", f"workflows run each other at most {MAX_DEPTH} deep; this one is the last")
        found = await burst.tools.repository.workflow(burst.state.workspace_id, wish.workflow)
        name = wish.workflow[:80]
        if found is None:
            return ActionError("workflow_not_found", f"there is no workflow with the slug or id {name!r}")
        if not found.enabled:
            return ActionError("workflow_disabled", f"the workflow {name!r} is disabled; enable it and retry")
        if found.definition_id is None:
            return ActionError("workflow_not_published", f"the workflow {name!r} has no live version; publish it and retry")
        try:
            check_input(wish.input, found.input_schema, "/input")
        except ValidationFailed as error:
            first = error.errors[0]
            message = f"the workflow {name!r} does not take this input: {first['path']}: {first['message']}"
            return ActionError("validation_failed", message, output={"errors": error.errors})
        return found

    def _start(self, run: NodeRun, wish: Start, target: Target) -> None:
        burst = self._burst
        trigger = {"type": "workflow", "id": None, "execution_id": burst.state.execution_id, "node_id": run.node_id}
        child = self._row(target, wish.input, trigger)
        child["key_origin"] = burst.course.seed_of(run.node_id, run.iteration)
        if wish.wait:
            child |= {"parent_node": run.node_id, "parent_iteration": run.iteration}
        burst.course.links.starts.append(child)
        if not wish.wait:
            burst.attempts.outcome(run, Done({"execution_id": child["id"]}))
            return
        run.output, run.port = {"execution_id": child["id"]}, CHILD_PORT
        run.move("waiting")
        burst.course.touch(run)

    def _row(self, target: Target, input: Any, trigger: dict[str, Any]) -> dict[str, Any]:
        state = self._burst.state
        return {
            "id": new_id_after(state.execution_id),
            "workspace_id": state.workspace_id,
            "workflow_id": target.workflow_id,
            "definition_id": target.definition_id,
            "version": target.version,
            "trigger": dumps(trigger),
            "input": dumps(input),
            "parent_id": state.execution_id,
            "depth": state.depth + 1,
        }

    def on_signal(self, payload: dict[str, Any]) -> None:
        """A child has ended."""
        if payload["part"] is not None:
            self._burst.loops.parts.ended(payload)
            return
        run = self._burst.state.runs.get((payload["node_id"], payload["iteration"]))
        waits = run is not None and run.waits and run.port == CHILD_PORT
        if run is not None and waits and run.output["execution_id"] == payload["execution_id"] and run not in self.ended:
            self.ended.append(run)

    async def collect(self) -> None:
        """Take over the outputs and failures of children that have ended."""
        runs = [run for run in self.ended if run.waits]
        self.ended = []
        results = await self._burst.tools.repository.results([run.output["execution_id"] for run in runs])
        for run in runs:
            execution_id = run.output["execution_id"]
            result = results.get(execution_id)
            run.move("running")
            if result is not None and result.status == "succeeded":
                self._burst.attempts.outcome(run, Done(result.output))
                continue
            run.port = None
            status = result.status if result else "gone"
            error = result.error if result and result.error else {"code": status, "message": "no reason is known"}
            message = f"the workflow's execution {execution_id} {'was cancelled' if status == 'cancelled' else 'failed'}: {error['message']}"
            output = {"execution_id": execution_id, "error": error}
            self._burst.attempts.failed(run, ActionError(f"workflow_{status}", message, output=output))

    def cancel(self, run: NodeRun) -> None:
        """Tell the execution that a run waits for that nobody does any more."""
        if run.waits and run.port == CHILD_PORT:
            self.tell_to_cancel(run.output["execution_id"])

    def tell_to_cancel(self, execution_id: str) -> None:
        """Cancel a child, with the next save."""
        send = {"recipient": execution_id, "kind": "cancel", "key": "", "payload": "null"}
        self._burst.course.links.sends.append(send)

    def report(self, finish: Finish) -> Links:
        """What the end of this execution tells the parent that waits for it."""
        state = self._burst.state
        return report(state.execution_id, state.parent_id, state.parent_node, state.parent_iteration, state.part, finish, state.seq)

    async def at_the_end(self, finish: Finish) -> Links:
        """Everything that goes with the end: the report to the parent, and the workflow that follows a failure, which the error then names."""
        links = self.report(finish)
        name = self._burst.graph.settings.on_failure_workflow
        if finish.status == "failed" and finish.error is not None and name is not None and self._burst.state.part is None:
            state = self._burst.state
            told = {"id": state.execution_id, "workflow_id": state.workflow_id, "version": state.version, "status": "failed"}
            error = {key: value for key, value in finish.error.items() if key != "on_failure"}
            input = {"execution": {**told, "input": state.input, "error": error}}
            found = await self._target(Start(name, input, wait=False))
            if isinstance(found, ActionError):
                finish.error = {**error, "on_failure": {"problem": found.message}}
            else:
                row = self._row(found, input, {"type": "failure", "id": None, "execution_id": state.execution_id})
                links.starts.append(row)
                finish.error = {**error, "on_failure": {"execution_id": row["id"]}}
        return links


def report(
    execution_id: str,
    parent_id: str | None,
    parent_node: str | None,
    parent_iteration: str,
    part: int | None,
    finish: Finish,
    last_seq: int,
) -> Links:
    """The signal to the parent of an execution that ends; empty when nobody waits."""
    links = Links()
    if parent_id is not None and parent_node is not None:
        payload = {
            "execution_id": execution_id,
            "node_id": parent_node,
            "iteration": parent_iteration,
            "part": part,
            "status": finish.status,
            "last_seq": last_seq,
        }
        links.sends.append({"recipient": parent_id, "kind": "child", "key": execution_id, "payload": dumps(payload)})
    return links

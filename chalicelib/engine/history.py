"""Node runs as rows of history."""

from __future__ import annotations

from typing import Any

from chalicelib.core.clock import to_text
from chalicelib.core.jsontext import dumps
from chalicelib.engine.state import ExecutionState, NodeRun


def run_row(state: ExecutionState, run: NodeRun) -> dict[str, Any]:
    """One row of node_runs, payloads as JSON text. Raises ValueError when a payload is not JSON (NaN)."""
    output = dumps(run.output) if run.status == "succeeded" else _text(run.output)
    if output is not None and len(output) != run.bytes:
        state.bytes += len(output) - run.bytes
        run.bytes = len(output)
    return {
        "execution_id": state.execution_id,
        "node_id": run.node_id,
        "iteration": run.iteration,
        "attempt": run.attempt,
        "workspace_id": state.workspace_id,
        "type": run.type,
        "status": run.status,
        "port": run.port,
        "input": _text(run.input),
        "output": output,
        "error": _text(run.error),
        "console": _text(run.console or None),
        "started_seq": run.started_seq,
        "finished_seq": run.finished_seq,
        "started_at": to_text(run.started_at),
        "finished_at": to_text(run.finished_at),
        "wake_at": to_text(run.wake_at),
    }


def _text(value: Any) -> str | None:
    return None if value is None else dumps(value)


def error_of(code: str, message: str, node_id: str | None = None, error_class: str | None = None) -> dict[str, Any]:
    """An error as history shows it: {code, message, node_id?, class?}."""
    error: dict[str, Any] = {"code": code, "message": message}
    if node_id is not None:
        error["node_id"] = node_id
    if error_class is not None:
        error["class"] = error_class
    return error


def scope_value(run: NodeRun, link: str | None = None) -> dict[str, Any]:
    """What expressions see as `nodes.<id>`: output of what succeeded, error (and a null output) of what failed and went on, nothing of what was skipped, and
    the callback_url of a node that waits for an answer."""
    value: dict[str, Any] = {} if link is None else {"callback_url": link}
    if run.status == "succeeded":
        value["output"] = run.output
        if run.error is not None:
            value["error"] = run.error
    if run.status == "failed" and run.final:
        value |= {"output": run.output, "error": run.error}
    return value

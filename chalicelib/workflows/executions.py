"""Executions as their users see them: started by hand, read, followed, cancelled, woken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import executor
from chalicelib.core.errors import Conflict, NotFound, ValidationFailed
from chalicelib.core.ids import is_id
from chalicelib.core.jsontext import loads
from chalicelib.engine import listing, queries, reruns
from chalicelib.engine.outcomes import execution_status
from chalicelib.engine.signals import send_signal
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.engine.state import shown_iteration
from chalicelib.triggers.mapping import check_input
from chalicelib.triggers.refusals import refusal
from chalicelib.workflows import service as workflows

ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of a wish to run: a new execution, or the one an earlier request with the same key started."""

    id: str
    status: str
    duplicate: bool


def start(
    connection: Connection,
    workspace_id: str,
    workflow_id: str,
    *,
    input: Any,
    version: int | str | None,
    key: str | None,
    until: str | None = None,
    trigger: Mapping[str, Any] | None = None,
) -> Begun:
    """Start an execution of the live version (None), of version n, or of the draft as it is now. Call `wake()` after the commit.

    `until` runs the draft up to that node, with what is pinned in it; see `partial`. `trigger` is what expressions see by that name; None: started by hand.

    Raises NotFound, Conflict (`workflow_not_published`, `workflow_disabled`), ValidationFailed (the draft's errors, the input's, `idempotency_key_reused`).
    """
    if until is not None and version != "draft":
        message = "only the draft can be run up to a node; say version draft"
        raise ValidationFailed([{"path": "/until", "code": "needs_draft", "message": message}])
    definition_id, number, body = _pinned(connection, workspace_id, workflow_id, version, until)
    check_input(input, loads(body).get("input_schema"), "/input")
    wish = StartRow(
        workspace_id=workspace_id,
        workflow_id=workflow_id,
        input=input,
        trigger=trigger or {"type": "manual", "id": None},
        definition_id=definition_id,
        version=number,
        key=key,
        body_hash=_fingerprint(input, version, until),
    )
    started = start_executions(executor(connection), [wish])[0]
    if started.verdict == "started" and started.execution_id is not None:
        return Begun(started.execution_id, "queued", duplicate=False)
    if started.verdict != "duplicate" or started.execution_id is None:
        raise refusal(started.verdict)
    if started.body_hash != wish.body_hash:
        raise key_reused("/idempotency_key")
    status = execution_status(executor(connection), started.execution_id)
    return Begun(started.execution_id, status or "queued", duplicate=True)


def key_reused(path: str) -> ValidationFailed:
    """The same idempotency key with another request."""
    message = "this key was used before with another request; send a new key for a new request"
    return ValidationFailed(
        [{"path": path, "code": "idempotency_key_reused", "message": message}], message, code="idempotency_key_reused"
    )


def retry(
    connection: Connection,
    workspace_id: str,
    execution_id: str,
    *,
    first: str | None = None,
    version: int | None = None,
    input: Any = None,
    with_input: bool = False,
    new_keys: bool = False,
) -> Begun:
    """Run an ended execution again as a new one, from the node `first` on (None: from what failed). Call `wake()` after the commit.

    Nodes before it keep their runs. Nodes that run again carry the idempotency keys of the first time, unless an input is given, `new_keys` is set, or nodes were
    undone (what was undone runs again, and must not be taken for what it was). Raises NotFound, Conflict `not_finished`, ValidationFailed (no such node, the input).
    """
    old = reruns.read_origin(connection, workspace_id, _checked(execution_id))
    if old is None:
        raise NotFound("there is no execution of this id")
    if old["status"] == "queued":
        raise Conflict("this execution has not ended; cancel it first, or wait for its end", code="not_finished")
    definition_id, number, body = _retried(connection, workspace_id, execution_id, old, version)
    definition = loads(body)
    if first is not None and first not in {node["id"] for node in definition["nodes"]}:
        raise ValidationFailed([{"path": "/from", "code": "unknown_node", "message": f"the definition has no node {first[:80]!r}"}])
    if with_input:
        check_input(input, definition.get("input_schema"), "/input")
    undone = {step["undoes"] for step in (loads(old["error"]) if old["error"] else {}).get("undo", ())}
    wish = StartRow(
        workspace_id=workspace_id,
        workflow_id=old["workflow_id"],
        input=input if with_input else loads(old["input"]),
        trigger=loads(old["trigger"]),
        definition_id=definition_id,
        version=number,
        retry_of=execution_id,
        key_origin=None if with_input or new_keys or undone else old["key_origin"],
    )
    started = start_executions(executor(connection), [wish])[0]
    if started.verdict != "started" or started.execution_id is None:
        raise refusal(started.verdict)
    kept = reruns.kept_nodes(definition, reruns.latest_runs(connection, execution_id), first, undone)
    reruns.copy_runs(connection, execution_id, started.execution_id, kept)
    return Begun(started.execution_id, "queued", duplicate=False)


def _retried(
    connection: Connection, workspace_id: str, execution_id: str, old: Mapping[str, Any], version: int | None
) -> tuple[str, int | None, str]:
    """The definition of a retry: that of the old execution, or of another version."""
    if version is None:
        return old["definition_id"], old["version"], queries.get_definition(connection, workspace_id, execution_id)
    found = workflows.get_version(connection, workspace_id, old["workflow_id"], str(version))
    return found["definition_id"], found["version"], found["definition"]


BULK_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Bulk:
    """What a bulk request found and did. `more`: there were more than BULK_LIMIT, so send it again."""

    matched: int
    done: int
    more: bool


def bulk(connection: Connection, workspace_id: str, action: str, wanted: listing.ExecutionFilter, *, dry_run: bool) -> Bulk:
    """Cancel, or retry, every execution that the filter matches and that can be; with `dry_run` only count them. Call `wake()` after the commit."""
    possible = ("queued", "running", "waiting") if action == "cancel" else ("failed", "cancelled")
    statuses = tuple(status for status in possible if status in (wanted.statuses or possible))
    if not statuses:
        return Bulk(0, 0, False)
    found = listing.list_executions(connection, workspace_id, replace(wanted, statuses=statuses), BULK_LIMIT + 1, None)
    ids = sorted(row["id"] for row in found[:BULK_LIMIT])
    done = 0
    if not dry_run:
        done = sum(_bulk_one(connection, workspace_id, action, execution_id) for execution_id in ids)
    return Bulk(len(ids), done, len(found) > BULK_LIMIT)


def _bulk_one(connection: Connection, workspace_id: str, action: str, execution_id: str) -> bool:
    if action == "cancel":
        return send_signal(executor(connection), execution_id, "cancel", "")
    try:
        retry(connection, workspace_id, execution_id)
    except Conflict:  # its workflow is disabled
        return False
    return True


def _pinned(
    connection: Connection, workspace_id: str, workflow_id: str, version: int | str | None, until: str | None
) -> tuple[str, int | None, str]:
    """The definition to run: its id, its version (None: a frozen draft) and its body."""
    workflow = workflows.get(connection, workspace_id, workflow_id)
    if not workflow["enabled"]:
        raise refusal("workflow_disabled")
    if version == "draft":
        draft = workflow if until is None else workflows.draft_up_to(connection, workflow, until)
        return workflows.freeze_draft(connection, draft), None, draft["definition"]
    number = workflow["live_version"] if version is None else version
    if number is None:
        raise refusal("workflow_not_published")
    found = workflows.get_version(connection, workspace_id, workflow_id, str(number))
    return found["definition_id"], found["version"], found["definition"]


def _fingerprint(input: Any, version: int | str | None, until: str | None) -> str:
    """The same for the same request, whatever the order of its keys."""
    wish = [input, version] if until is None else [input, version, until]
    return hashlib.sha256(json.dumps(wish, sort_keys=True).encode()).hexdigest()


def get(connection: Connection, workspace_id: str, execution_id: str) -> dict[str, Any]:
    """An execution with all its node runs. Raises NotFound."""
    return queries.get_execution(connection, workspace_id, _checked(execution_id))


def definition(connection: Connection, workspace_id: str, execution_id: str) -> Any:
    """What an execution runs. Raises NotFound."""
    return loads(queries.get_definition(connection, workspace_id, _checked(execution_id)))


def list_page(
    connection: Connection, workspace_id: str, wanted: listing.ExecutionFilter, limit: int, after: str | None
) -> Sequence[dict[str, Any]]:
    """Executions without payloads, newest first; one more than `limit` when there are more."""
    return listing.list_executions(connection, workspace_id, wanted, limit + 1, after)


def count(connection: Connection, workspace_id: str, wanted: listing.ExecutionFilter) -> listing.Count:
    """How many executions a filter matches."""
    return listing.count_executions(connection, workspace_id, wanted)


def events(connection: Connection, workspace_id: str, execution_id: str, after: int) -> list[dict[str, Any]]:
    """What happened after `after`. Raises NotFound."""
    return queries.execution_events(connection, workspace_id, _checked(execution_id), after)


def cancel(connection: Connection, workspace_id: str, execution_id: str) -> str:
    """Ask an execution to stop; returns its present status. Raises NotFound, Conflict `already_finished`. Call `wake()` after the commit."""
    status = _status_of(connection, workspace_id, execution_id)
    if status in ENDED or not send_signal(executor(connection), execution_id, "cancel", ""):
        raise Conflict("this execution has ended and cannot be cancelled", code="already_finished")
    return status


def cancel_all(connection: Connection, workflow_id: str) -> int:
    """Ask every live execution of a workflow to stop (1,000 at a time); returns how many were asked. Call `wake()` after the commit."""
    ids = sorted(queries.live_executions(connection, workflow_id))
    return sum(send_signal(executor(connection), execution_id, "cancel", "") for execution_id in ids)


def wake_node(connection: Connection, workspace_id: str, execution_id: str, node_id: str, iteration: str | None) -> str:
    """End a node's wait, in a loop that of one item (`iteration`) or of all; returns the execution's present status.

    Raises NotFound, Conflict `node_not_waiting`. Call `wake()` after the commit.
    """
    status = _status_of(connection, workspace_id, execution_id)
    woken = 0
    for owner, inner, attempt in queries.waiting_attempts(connection, execution_id, node_id):
        if iteration is None or shown_iteration(inner) == iteration:
            signal = {"node_id": node_id, "iteration": inner, "attempt": attempt}
            woken += send_signal(executor(connection), owner, "wake", f"{node_id} {inner}:{attempt}", signal)
    if woken:
        return status
    if node_id not in _node_ids(loads(queries.get_definition(connection, workspace_id, execution_id))):
        raise NotFound(f"this execution has no node {node_id[:80]!r}")
    raise Conflict("this node does not wait now", code="node_not_waiting")


def _node_ids(definition: Mapping[str, Any]) -> set[str]:
    """Ids of all nodes, those in the bodies of loops included."""
    found, pending = set(), [definition]
    while pending:
        for node in pending.pop().get("nodes", ()):
            found.add(node["id"])
            body = node.get("config", {}).get("body")
            if isinstance(body, dict):
                pending.append(body)
    return found


def node_runs(
    connection: Connection, workspace_id: str, execution_id: str, node_id: str | None, inside: bool | None, offset: int, limit: int
) -> list[dict[str, Any]]:
    """A page of node runs; one more than `limit` when there are more. Raises NotFound."""
    return queries.list_node_runs(connection, workspace_id, _checked(execution_id), node_id, inside, offset, limit + 1)


def payloads(
    connection: Connection, workspace_id: str, execution_id: str, node_id: str, iteration: str | None, attempt: int | None
) -> dict[str, Any]:
    """{input, output} of one node run, whole. Raises NotFound."""
    return queries.node_payloads(connection, workspace_id, _checked(execution_id), node_id, iteration, attempt)


def _checked(execution_id: str) -> str:
    if not is_id(execution_id, "exe"):
        raise NotFound("there is no execution of this id")
    return execution_id


def _status_of(connection: Connection, workspace_id: str, execution_id: str) -> str:
    status = execution_status(executor(connection), _checked(execution_id), workspace_id)
    if status is None:
        raise NotFound("there is no execution of this id")
    return status
